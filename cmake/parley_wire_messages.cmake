# The messages of KServe's protocol, for the library's own use: lite code, made from copies of
# proto/inference whose package, file names and so symbols are parley's. An application may have code of
# its own for the same messages, such as Triton's client.
set(wire_protos)
foreach(name IN ITEMS model_config grpc_service)
  set(original "${PROJECT_SOURCE_DIR}/proto/inference/${name}.proto")
  set(copy "${PROJECT_BINARY_DIR}/parley_wire_protos/parley_wire/${name}.proto")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${original}")
  file(READ "${original}" text)
  string(REPLACE "\npackage inference;\n"
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

# parley_add_wire_messages(target): `target` has them, those who link it don't see them.
function(parley_add_wire_messages target)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:parley_wire_messages>)
  target_include_directories(${target} SYSTEM PRIVATE
    $<TARGET_PROPERTY:parley_wire_messages,INTERFACE_INCLUDE_DIRECTORIES>)
endfunction()
