# Stands for a newer protobuf, whose CMake config must be preferred to CMake's own find module.
find_library(newer_protobuf_library protobuf REQUIRED)
add_library(protobuf::libprotobuf SHARED IMPORTED)
set_target_properties(protobuf::libprotobuf PROPERTIES
  IMPORTED_LOCATION "${newer_protobuf_library}")
find_program(newer_protoc protoc REQUIRED)
add_executable(protobuf::protoc IMPORTED)
set_target_properties(protobuf::protoc PROPERTIES IMPORTED_LOCATION "${newer_protoc}")
