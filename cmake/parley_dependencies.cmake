# Finds what parley links: Threads, protobuf, Abseil and gRPC. One file for both who need it:
# parley's own build and the installed package config. Targets that the including project already
# has are used as they are. What can't be found is listed in parley_missing_dependencies, with a
# message that says what to do, so that each can fail in its own way.
if(NOT TARGET Threads::Threads)
  find_package(Threads QUIET)
endif()

# Debian's protobuf has no CMake config, newer ones need theirs; and it must be settled before
# gRPC's own config looks for it.
if(NOT TARGET protobuf::libprotobuf)
  find_package(Protobuf CONFIG QUIET)
  if(NOT TARGET protobuf::libprotobuf)
    find_package(Protobuf MODULE QUIET)
  endif()
endif()

if(NOT TARGET absl::status)
  find_package(absl CONFIG QUIET)
endif()

# A distribution that builds gRPC without CMake ships pkg-config files only.
if(NOT TARGET gRPC::grpc++)
  find_package(gRPC 1.51 CONFIG QUIET)
  if(NOT TARGET gRPC::grpc++)
    find_package(PkgConfig QUIET)
    if(PKG_CONFIG_FOUND)
      pkg_check_modules(parley_grpcpp QUIET IMPORTED_TARGET GLOBAL grpc++>=1.51)
      if(parley_grpcpp_FOUND)
        add_library(gRPC::grpc++ INTERFACE IMPORTED GLOBAL)
        target_link_libraries(gRPC::grpc++ INTERFACE PkgConfig::parley_grpcpp)
        set(gRPC_VERSION "${parley_grpcpp_VERSION}")
      endif()
    endif()
  endif()
endif()

set(parley_missing_dependencies)
foreach(parley_target IN ITEMS Threads::Threads protobuf::libprotobuf absl::status gRPC::grpc++)
  if(NOT TARGET ${parley_target})
    list(APPEND parley_missing_dependencies ${parley_target})
  endif()
endforeach()
list(JOIN parley_missing_dependencies ", " parley_missing_dependencies_message)
string(CONCAT parley_missing_dependencies_message
  "parley needs ${parley_missing_dependencies_message}, which CMake can't find. "
  "On Debian and Ubuntu: apt-get install libgrpc++-dev libprotobuf-dev protobuf-compiler "
  "protobuf-compiler-grpc libabsl-dev pkg-config; "
  "elsewhere install gRPC 1.51 or newer and set CMAKE_PREFIX_PATH to its prefix")
