# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where: the library both ways, its headers, what
# pkg-config and find_package(facet) need, the command with its pages.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS facet EXPORT facetTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS facet_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/facet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.h")

set(FACET_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/facet)
install(EXPORT facetTargets NAMESPACE facet:: DESTINATION ${FACET_CMAKE_DIR})
configure_package_config_file(cmake/facetConfig.cmake.in facetConfig.cmake
    INSTALL_DESTINATION ${FACET_CMAKE_DIR})
write_basic_package_version_file(facetConfigVersion.cmake
    COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/facetConfig.cmake
    ${PROJECT_BINARY_DIR}/facetConfigVersion.cmake
    DESTINATION ${FACET_CMAKE_DIR})

# Only a program that links libfacet.a needs these.
set(FACET_REQUIRES ${FACET_CODECS} ${FACET_TEXT} ${FACET_STORE})
if(HEIF_FOUND)
    list(APPEND FACET_REQUIRES libheif)
endif()
list(JOIN FACET_REQUIRES " " FACET_REQUIRES)
# From facet.pc's folder up to the prefix; a libdir elsewhere cannot be moved.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(FACET_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
else()
    file(RELATIVE_PATH FACET_PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" FACET_PC_PREFIX "\${pcfiledir}/${FACET_PC_PREFIX}")
endif()
foreach(where LIBDIR INCLUDEDIR)
    set(FACET_PC_${where} "\${prefix}/${CMAKE_INSTALL_${where}}")
    if(IS_ABSOLUTE "${CMAKE_INSTALL_${where}}")
        set(FACET_PC_${where} "${CMAKE_INSTALL_${where}}")
    endif()
endforeach()
configure_file(cmake/facet.pc.in facet.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/facet.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The default networks, where the command looks for them.
file(GLOB FACET_NETWORKS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/models/*.onnx)
install(FILES ${FACET_NETWORKS} models/README.md
    DESTINATION ${CMAKE_INSTALL_DATADIR}/facet)
# What may be done with them, and with the code; in the tree of the sources, whose
# files point to each other.
install(FILES LICENSE README.md SECURITY.md ARCHITECTURE.md CONTRIBUTING.md
    CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES models/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/models)
install(DIRECTORY docs recipes examples DESTINATION ${CMAKE_INSTALL_DOCDIR}
    PATTERN CMakeLists.txt EXCLUDE)
