# Finds what parley links: Threads, protobuf, Abseil and gRPC. One file for both who need it: parley's own
# build and the installed package config. What can't be found is listed in parley_missing_dependencies,
# so that each can say so in its own way. Targets that the including project already has are used as they are.
set(parley_missing_dependencies)

if(NOT TARGET Threads::Threads)
  find_package(Threads QUIET)
endif()

# Debian's protobuf has no CMake config, newer ones need theirs; and it must be settled before gRPC's own
# config looks for it.
if(NOT TARGET protobuf::libprotobuf)
  find_package(Protobuf CONFIG QUIET)
  if(NOT TARGET protobuf::libprotobuf)
    find_package(Protobuf MODULE QUIET)
  endif()
endif()

if(NOT TARGET absl::status)
  find_package(absl CONFIG QUIET)
endif()

# Distributions that build gRPC without CMake ship pkg-config files only.
if(NOT TARGET gRPC::grpc++)
  find_package(gRPC CONFIG QUIET)
  if(NOT TARGET gRPC::grpc++)
    find_package(PkgConfig QUIET)
    if(PKG_CONFIG_FOUND)
      pkg_check_modules(parley_grpcpp QUIET IMPORTED_TARGET GLOBAL grpc++)
      if(parley_grpcpp_FOUND)
        add_library(gRPC::grpc++ INTERFACE IMPORTED)
        target_link_libraries(gRPC::grpc++ INTERFACE PkgConfig::parley_grpcpp)
        set(gRPC_VERSION ${parley_grpcpp_VERSION})
      endif()
    endif()
  endif()
endif()

foreach(parley_pair IN ITEMS Threads::Threads=threads protobuf::libprotobuf=protobuf absl::status=Abseil
                             gRPC::grpc++=gRPC)
  string(REPLACE "=" ";" parley_pair "${parley_pair}")
  list(GET parley_pair 0 parley_target)
  list(GET parley_pair 1 parley_name)
  if(NOT TARGET ${parley_target})
    list(APPEND parley_missing_dependencies ${parley_name})
  endif()
endforeach()
