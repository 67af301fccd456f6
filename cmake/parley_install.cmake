# Install rules: library, headers, CMake package (find_package(parley)) and pkg-config file
# (parley). Both are relocatable, so a DESTDIR or another prefix at install time works. Included by
# the top CMakeLists.txt.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/parley")

install(TARGETS parley EXPORT parleyTargets)
install(DIRECTORY include/parley TYPE INCLUDE FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE TYPE DOC)

install(EXPORT parleyTargets NAMESPACE parley:: DESTINATION "${package_dir}")
configure_package_config_file(cmake/parleyConfig.cmake.in parleyConfig.cmake
  INSTALL_DESTINATION "${package_dir}")
# Before 1.0 a minor version may break its users.
write_basic_package_version_file(parleyConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(
  FILES
    "${PROJECT_BINARY_DIR}/parleyConfig.cmake"
    "${PROJECT_BINARY_DIR}/parleyConfigVersion.cmake"
    cmake/parley_dependencies.cmake
    cmake/parley_protobuf.cmake
  DESTINATION "${package_dir}")

file(RELATIVE_PATH pc_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
set(pc_libdir "\${prefix}")
cmake_path(APPEND pc_libdir "${CMAKE_INSTALL_LIBDIR}")
set(pc_includedir "\${prefix}")
cmake_path(APPEND pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
set(pc_defines)
if(BUILD_SHARED_LIBS)
  set(pc_defines " -DPARLEY_SHARED")
endif()
list(TRANSFORM parley_absl_libraries PREPEND "absl_" OUTPUT_VARIABLE pc_absl)
list(JOIN pc_absl " " pc_absl)
configure_file(cmake/parley.pc.in parley.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/parley.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
