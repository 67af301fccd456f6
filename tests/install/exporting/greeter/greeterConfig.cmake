# The package of a library that depends on parley publicly: one find_dependency is all it needs.
include(CMakeFindDependencyMacro)
find_dependency(parley)
include("${CMAKE_CURRENT_LIST_DIR}/greeterTargets.cmake")
