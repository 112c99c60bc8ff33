# SPDX-License-Identifier: Apache-2.0
set(FACET_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wwrite-strings -Wvla
    -Wundef -Wpointer-arith -Wformat=2 -Wdouble-promotion -ffp-contract=off)
if(FACET_WERROR)
    list(APPEND FACET_WARNINGS -Werror)
endif()
