# Finds OpenVINO: its `openvino` package for Python has headers, libraries and a CMake package too,
# but where find_package does not look. An OpenVINO that is installed otherwise needs none of this,
# if CMAKE_PREFIX_PATH has it.
set(OPENVINO_PYTHON "" CACHE FILEPATH "A Python that has OpenVINO's package: venv/bin/python")

if(OPENVINO_PYTHON AND NOT OpenVINO_DIR)
  # Without importing it, which takes a second and wants NumPy.
  execute_process(
    COMMAND "${OPENVINO_PYTHON}" -c
      "from importlib.util import find_spec
print(find_spec('openvino').submodule_search_locations[0])"
    OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${OPENVINO_PYTHON} has no OpenVINO: -m pip install openvino")
  endif()
  set(OpenVINO_DIR "${folder}/cmake" CACHE PATH "OpenVINO's CMake package" FORCE)
endif()

find_package(OpenVINO QUIET COMPONENTS Runtime)
if(NOT OpenVINO_FOUND)
  message(FATAL_ERROR "models needs OpenVINO: pip install openvino, then configure with "
    "-DOPENVINO_PYTHON=... as ${CMAKE_CURRENT_LIST_DIR}/run.sh does")
endif()
