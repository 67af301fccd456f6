# parley_protobuf(TARGET target PROTOS a.proto... [IMPORT_DIRS dir...] [GRPC])
#
# Gives `target` the C++ code of the .proto files: a static library of that name is made unless the
# target exists. A header is included by its file's path below the first of IMPORT_DIRS that holds
# it (default: the current source folder). GRPC adds the service stubs of grpc_cpp_plugin, for
# services that protoc generates; parley's own calls don't need them. For parley's build and for its
# users: it is installed with the package.
function(parley_protobuf)
  cmake_parse_arguments(PARSE_ARGV 0 arg "GRPC" "TARGET" "PROTOS;IMPORT_DIRS")
  if(NOT arg_TARGET OR NOT arg_PROTOS OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR
      "parley_protobuf(TARGET target PROTOS a.proto... [IMPORT_DIRS dir...] [GRPC]): "
      "TARGET and PROTOS are needed; not understood: '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  if(NOT arg_IMPORT_DIRS)
    set(arg_IMPORT_DIRS ".")
  endif()
  set(imports)
  foreach(dir IN LISTS arg_IMPORT_DIRS)
    cmake_path(ABSOLUTE_PATH dir NORMALIZE)
    list(APPEND imports "${dir}")
  endforeach()

  set(out "${CMAKE_CURRENT_BINARY_DIR}/parley_protobuf/${arg_TARGET}")
  set(extensions .pb.cc .pb.h)
  set(protoc protobuf::protoc)
  if(NOT TARGET protobuf::protoc)
    find_program(PARLEY_PROTOC protoc REQUIRED)
    set(protoc "${PARLEY_PROTOC}")
  endif()
  set(grpc_flags)
  if(arg_GRPC)
    # In the order of their names, as protoc's dependency file has them: Ninja runs the command
    # again and again unless the first output is the first there.
    list(PREPEND extensions .grpc.pb.cc .grpc.pb.h)
    if(TARGET gRPC::grpc_cpp_plugin)
      set(plugin $<TARGET_FILE:gRPC::grpc_cpp_plugin>)
    else()
      find_program(PARLEY_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
      set(plugin "${PARLEY_GRPC_CPP_PLUGIN}")
    endif()
    set(grpc_flags "--grpc_out=${out}" "--plugin=protoc-gen-grpc=${plugin}")
  endif()

  if(NOT TARGET ${arg_TARGET})
    add_library(${arg_TARGET} STATIC)
    set_target_properties(${arg_TARGET} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  endif()
  foreach(proto IN LISTS arg_PROTOS)
    cmake_path(ABSOLUTE_PATH proto NORMALIZE)
    set(root)
    foreach(dir IN LISTS imports)
      cmake_path(IS_PREFIX dir "${proto}" inside)
      if(inside)
        set(root "${dir}")
        break()
      endif()
    endforeach()
    if(NOT root)
      message(FATAL_ERROR
        "parley_protobuf: '${proto}' is in none of IMPORT_DIRS '${imports}'; add its folder")
    endif()
    cmake_path(RELATIVE_PATH proto BASE_DIRECTORY "${root}" OUTPUT_VARIABLE stem)
    string(REGEX REPLACE "\\.proto$" "" stem "${stem}")
    set(generated)
    foreach(extension IN LISTS extensions)
      list(APPEND generated "${out}/${stem}${extension}")
    endforeach()
    # The dependency file makes an imported .proto's change reach the files that import it.
    cmake_path(GET stem PARENT_PATH folder)
    file(MAKE_DIRECTORY "${out}/${folder}")
    add_custom_command(
      OUTPUT ${generated}
      COMMAND ${protoc} "--cpp_out=${out}" ${grpc_flags} "--dependency_out=${out}/${stem}.d"
        "-I$<JOIN:${imports},;-I>" "${proto}"
      DEPENDS "${proto}"
      DEPFILE "${out}/${stem}.d"
      COMMENT "Generating C++ from ${stem}.proto"
      COMMAND_EXPAND_LISTS VERBATIM)
    # Warnings, here and in the include folder below, are to be about the user's own code.
    set_source_files_properties(${generated} PROPERTIES COMPILE_OPTIONS -w)
    target_sources(${arg_TARGET} PRIVATE ${generated})
  endforeach()

  get_target_property(type ${arg_TARGET} TYPE)
  set(scope PUBLIC)
  if(type STREQUAL "EXECUTABLE")
    set(scope PRIVATE)
  endif()
  target_compile_features(${arg_TARGET} ${scope} cxx_std_17)
  target_include_directories(${arg_TARGET} SYSTEM ${scope} "$<BUILD_INTERFACE:${out}>")
  target_link_libraries(${arg_TARGET} ${scope} protobuf::libprotobuf)
  if(arg_GRPC)
    target_link_libraries(${arg_TARGET} ${scope} gRPC::grpc++)
  endif()
endfunction()
