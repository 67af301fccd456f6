# parley_compile_test(name file [script]): a test that compiles `file` as a strict user of parley
# would. It passes if the compiler accepts it or, with a script, if `script compiler flags... file`
# succeeds.
function(parley_compile_test name file)
  add_test(NAME "${name}"
    COMMAND ${ARGN} "${CMAKE_CXX_COMPILER}" "@${parley_user_flags}" "${file}")
  set_tests_properties("${name}" PROPERTIES TIMEOUT 120)
endfunction()

# The flags are those that a target linking parley gets, in a response file, which gcc and clang
# both read.
add_library(compile_probe OBJECT EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/src/version.cc")
target_link_libraries(compile_probe PRIVATE parley)
set(parley_user_flags "${CMAKE_CURRENT_BINARY_DIR}/user_flags")
set(own "${PROJECT_SOURCE_DIR}/include")
set(others "$<TARGET_PROPERTY:compile_probe,INCLUDE_DIRECTORIES>")
set(others "$<REMOVE_DUPLICATES:$<FILTER:${others},EXCLUDE,^(/usr/include|${own})$>>")
set(defines "$<TARGET_PROPERTY:compile_probe,COMPILE_DEFINITIONS>")
file(GENERATE OUTPUT "${parley_user_flags}" CONTENT
"-std=c++20 -fsyntax-only -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Werror
\"-I${own}\"
$<$<BOOL:${others}>:\"-isystem$<JOIN:${others},\"\n\"-isystem>\">
$<$<BOOL:${defines}>:\"-D$<JOIN:${defines},\"\n\"-D>\">
")
