# Flags for parley's own targets; nothing here reaches a user of the library.

# parley_own_target(target): C++20 without extensions, and warnings as errors in developer builds. A
# user's compiler may be newer than ours, so a plain build only compiles.
function(parley_own_target target)
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  if(PARLEY_DEVELOPER)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wnon-virtual-dtor -Werror)
  endif()
endfunction()

# parley_own_programs(folder): the same for the programs of a subfolder whose CMakeLists.txt a user
# can copy out.
function(parley_own_programs folder)
  get_property(targets DIRECTORY "${folder}" PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE")
      parley_own_target(${target})
    endif()
  endforeach()
endfunction()

# The whole build runs under a sanitizer or none of it does, so the flags are global.
if(PARLEY_SANITIZE STREQUAL "address")
  # Less optimisation and lines without variables build in less than half the time.
  set(flags -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1 -g1)
elseif(PARLEY_SANITIZE STREQUAL "thread")
  # Not with -g1: the suppressions need the whole names of functions.
  set(flags -fsanitize=thread -fno-omit-frame-pointer)
elseif(PARLEY_SANITIZE)
  message(FATAL_ERROR
    "PARLEY_SANITIZE is '${PARLEY_SANITIZE}'; use address (with undefined) or thread")
endif()
if(PARLEY_BUILD_FUZZERS)
  # So that libFuzzer sees which paths an input takes.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(PARLEY_SANITIZE)
  add_compile_options(${flags})
  add_link_options(${flags})
endif()
