# SPDX-License-Identifier: Apache-2.0
# What Debian provides, gathered in one interface target; and the protobuf code,
# generated from the onnx.proto that libonnx-dev installs.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
set(FACET_CODECS libturbojpeg libjpeg libpng libwebp libexif cairo)
set(FACET_TEXT jansson libprotobuf-c yaml-0.1)
set(FACET_STORE libsodium sqlite3)
pkg_check_modules(CODECS REQUIRED IMPORTED_TARGET ${FACET_CODECS})
pkg_check_modules(HEIF IMPORTED_TARGET libheif)
# (its headers: the library is opened when it is wanted, src/gallery/libpq.h)
pkg_check_modules(LIBPQ libpq)
if(NOT LIBPQ_FOUND)
    message(STATUS "no libpq: galleries on PostgreSQL are left out")
endif()
pkg_check_modules(TEXT REQUIRED IMPORTED_TARGET ${FACET_TEXT})
pkg_check_modules(STORE REQUIRED IMPORTED_TARGET ${FACET_STORE})
find_program(PROTOC_C protoc-c REQUIRED)
find_path(ONNX_PROTO_DIR onnx/onnx.proto REQUIRED)

set(FACET_GENERATED_DIR ${PROJECT_BINARY_DIR}/generated)
set(FACET_GENERATED ${FACET_GENERATED_DIR}/onnx/onnx.pb-c.c)
file(MAKE_DIRECTORY ${FACET_GENERATED_DIR})
add_custom_command(
    OUTPUT ${FACET_GENERATED} ${FACET_GENERATED_DIR}/onnx/onnx.pb-c.h
    COMMAND ${PROTOC_C} --c_out=${FACET_GENERATED_DIR}
        -I${ONNX_PROTO_DIR} onnx/onnx.proto
    DEPENDS ${ONNX_PROTO_DIR}/onnx/onnx.proto
    VERBATIM)
set_source_files_properties(${FACET_GENERATED} PROPERTIES COMPILE_OPTIONS -w)

add_library(facet_dependencies INTERFACE)
target_link_libraries(facet_dependencies INTERFACE PkgConfig::CODECS
    PkgConfig::TEXT PkgConfig::STORE Threads::Threads m)
target_compile_definitions(facet_dependencies INTERFACE
    FACET_HAVE_HEIF=$<BOOL:${HEIF_FOUND}>
    FACET_HAVE_LIBPQ=$<BOOL:${LIBPQ_FOUND}>)
if(HEIF_FOUND)
    target_link_libraries(facet_dependencies INTERFACE PkgConfig::HEIF)
endif()
if(LIBPQ_FOUND)
    target_include_directories(
        facet_dependencies INTERFACE ${LIBPQ_INCLUDE_DIRS})
endif()
