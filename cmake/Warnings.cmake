# SPDX-License-Identifier: Apache-2.0
set(FACET_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wwrite-strings -Wvla
    -Wundef -Wpointer-arith -Wformat=2 -Wdouble-promotion -ffp-contract=off)
if(CMAKE_C_COMPILER_ID MATCHES Clang)
    list(APPEND FACET_WARNINGS -Wdocumentation)
endif()
if(FACET_WERROR)
    list(APPEND FACET_WARNINGS -Werror)
endif()
