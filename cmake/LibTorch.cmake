# saesweep::torch, from the Python wheel or any LibTorch folder.
#
# LibTorch's own CMake package insists on a CUDA toolkit when the wheel was built with CUDA. The CPU
# libraries need none, so they are imported here by hand; the CUDA ones are loaded at run time.
# Found, in this order: -DTorch_DIR=<libtorch>/share/cmake/Torch, the checkout's .venv, the active Python.
if(Torch_DIR)
  cmake_path(SET SAESWEEP_LIBTORCH NORMALIZE ${Torch_DIR}/../../..)
else()
  set(candidates ${CMAKE_SOURCE_DIR}/.venv/bin/python python3)
  foreach(python IN LISTS candidates)
    execute_process(
      COMMAND ${python} -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
      OUTPUT_VARIABLE SAESWEEP_LIBTORCH OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
    if(NOT failed)
      break()
    endif()
  endforeach()
endif()
if(NOT EXISTS ${SAESWEEP_LIBTORCH}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "No LibTorch found (looked in '${SAESWEEP_LIBTORCH}'). "
    "Run scripts/setup.sh, or give -DTorch_DIR=<libtorch>/share/cmake/Torch")
endif()
message(STATUS "LibTorch: ${SAESWEEP_LIBTORCH}")

find_package(OpenMP REQUIRED COMPONENTS CXX)
add_library(saesweep_torch INTERFACE)
add_library(saesweep::torch ALIAS saesweep_torch)
# Searched last: the wheel carries headers of other libraries (fmt, ...) in versions that are not the ones linked.
target_compile_options(saesweep_torch INTERFACE
  "SHELL:-idirafter ${SAESWEEP_LIBTORCH}/include"
  "SHELL:-idirafter ${SAESWEEP_LIBTORCH}/include/torch/csrc/api/include")
target_link_libraries(saesweep_torch INTERFACE
  ${SAESWEEP_LIBTORCH}/lib/libtorch_cpu.so ${SAESWEEP_LIBTORCH}/lib/libc10.so)
# The wheel carries its OpenMP runtime: a second one in the process would keep threads of its own.
if(EXISTS ${SAESWEEP_LIBTORCH}/lib/libgomp.so.1)
  target_compile_options(saesweep_torch INTERFACE ${OpenMP_CXX_FLAGS})
  target_link_libraries(saesweep_torch INTERFACE ${SAESWEEP_LIBTORCH}/lib/libgomp.so.1)
else()
  target_link_libraries(saesweep_torch INTERFACE OpenMP::OpenMP_CXX)
endif()
# The wheel's libtorch_cpu.so needs CUDA's profiler libraries, which it finds by its own RPATH.
target_link_options(saesweep_torch INTERFACE -Wl,--allow-shlib-undefined)
