# What the library needs of the standard protos that it serves: their messages for its own use, and their
# descriptors for server reflection.

# Lite code, made from copies whose package, file names and so symbols are parley's: an application may
# have code of its own for the same messages, such as Triton's client.
set(wire_protos)
foreach(path IN ITEMS inference/model_config inference/grpc_service grpc/reflection/v1/reflection)
  set(original "${PROJECT_SOURCE_DIR}/proto/${path}.proto")
  cmake_path(GET path FILENAME name)
  set(copy "${PROJECT_BINARY_DIR}/parley_wire_protos/parley_wire/${name}.proto")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${original}")
  file(READ "${original}" text)
  string(REGEX REPLACE "\npackage [a-z0-9.]+;\n"
    "\npackage parley.kserve.wire;\n\noption optimize_for = LITE_RUNTIME;\n" text "${text}")
  string(REGEX REPLACE "\nimport \"([a-z_]+)\\.proto\";" "\nimport \"parley_wire/\\1.proto\";"
    text "${text}")
  file(CONFIGURE OUTPUT "${copy}" CONTENT "${text}" @ONLY)
  list(APPEND wire_protos "${copy}")
endforeach()

add_library(parley_wire_messages OBJECT)
set_target_properties(parley_wire_messages PROPERTIES
  CXX_VISIBILITY_PRESET hidden
  VISIBILITY_INLINES_HIDDEN ON
  POSITION_INDEPENDENT_CODE ON)
parley_own_target(parley_wire_messages)
parley_protobuf(TARGET parley_wire_messages PROTOS ${wire_protos}
  IMPORT_DIRS "${PROJECT_BINARY_DIR}/parley_wire_protos")

# The descriptors of the originals, as a C++ source.
set(proto_dir "${PROJECT_SOURCE_DIR}/proto")
set(descriptor_protos
  "${proto_dir}/inference/grpc_service.proto"
  "${proto_dir}/inference/model_config.proto"
  "${proto_dir}/grpc/health/v1/health.proto"
  "${proto_dir}/grpc/reflection/v1/reflection.proto"
  "${proto_dir}/grpc/reflection/v1alpha/reflection.proto")
set(descriptor_set "${PROJECT_BINARY_DIR}/parley_wire_protos/descriptor_set")
set(protoc protobuf::protoc)
if(NOT TARGET protobuf::protoc)
  find_program(PARLEY_PROTOC protoc REQUIRED)
  set(protoc "${PARLEY_PROTOC}")
endif()
add_custom_command(
  OUTPUT "${descriptor_set}.cc"
  COMMAND ${protoc} "-I${proto_dir}/inference" "-I${proto_dir}"
    "--descriptor_set_out=${descriptor_set}.pb" ${descriptor_protos}
  COMMAND "${CMAKE_COMMAND}" "-Din=${descriptor_set}.pb" "-Dout=${descriptor_set}.cc"
    -P "${PROJECT_SOURCE_DIR}/cmake/parley_embed_descriptors.cmake"
  DEPENDS ${descriptor_protos} "${PROJECT_SOURCE_DIR}/cmake/parley_embed_descriptors.cmake"
  COMMENT "Embedding the descriptors of the standard protos"
  VERBATIM)
target_sources(parley_wire_messages PRIVATE "${descriptor_set}.cc")
target_include_directories(parley_wire_messages PRIVATE
  "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")

# parley_add_wire_messages(target): `target` has them, those who link it don't see them.
function(parley_add_wire_messages target)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:parley_wire_messages>)
  target_include_directories(${target} SYSTEM PRIVATE
    $<TARGET_PROPERTY:parley_wire_messages,INTERFACE_INCLUDE_DIRECTORIES>)
endfunction()
