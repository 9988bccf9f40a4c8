# saesweep::torch, from the Python wheel or any LibTorch folder.
#
# LibTorch's own CMake package insists on a CUDA toolkit when the wheel was built with CUDA. The CPU
# libraries need none, so they are imported here by hand; the CUDA ones are loaded at run time.
# Found, in this order: -DTorch_DIR=<libtorch>/share/cmake/Torch, the checkout's .venv, the active Python.
if(Torch_DIR)
  get_filename_component(SAESWEEP_LIBTORCH ${Torch_DIR}/../../.. ABSOLUTE)
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
set(include ${SAESWEEP_LIBTORCH}/include)
set(version_header ${include}/torch/headeronly/version.h)  # from 2.9 or so
if(NOT EXISTS ${version_header})
  set(version_header ${include}/torch/csrc/api/include/torch/version.h)
endif()
file(STRINGS ${version_header} numbers REGEX "define TORCH_VERSION_(MAJOR|MINOR) ")
string(REGEX REPLACE "[^0-9]*([0-9]+)[^0-9]+([0-9]+).*" "\\1.\\2" SAESWEEP_LIBTORCH_VERSION "${numbers}")
message(STATUS "LibTorch: ${SAESWEEP_LIBTORCH}, ${SAESWEEP_LIBTORCH_VERSION}")
if(SAESWEEP_LIBTORCH_VERSION VERSION_LESS 2.4)
  message(FATAL_ERROR "LibTorch ${SAESWEEP_LIBTORCH_VERSION} in ${SAESWEEP_LIBTORCH}: 2.4 or newer is needed")
endif()
# Its strings would be other types than those of fmt, Boost and the rest, which nothing but the linker would notice.
set(old_abi)
if(EXISTS ${SAESWEEP_LIBTORCH}/share/cmake/Torch/TorchConfig.cmake)
  file(STRINGS ${SAESWEEP_LIBTORCH}/share/cmake/Torch/TorchConfig.cmake old_abi REGEX "_GLIBCXX_USE_CXX11_ABI=0")
endif()
if(old_abi)
  message(FATAL_ERROR "The LibTorch in ${SAESWEEP_LIBTORCH} was built with the C++ ABI from before C++11, as pip's "
    "wheels were up to 2.5, and most of 2.6. Take a wheel of 2.7 or newer, conda-forge's, or pytorch.org's archive "
    "whose name has cxx11-abi")
endif()

find_package(OpenMP REQUIRED COMPONENTS CXX)
add_library(saesweep_torch INTERFACE)
add_library(saesweep::torch ALIAS saesweep_torch)
# Searched last: the wheel carries headers of other libraries (fmt, ...) in versions that are not the ones linked.
target_compile_options(saesweep_torch INTERFACE
  "SHELL:-idirafter ${include}"
  "SHELL:-idirafter ${include}/torch/csrc/api/include")
target_link_libraries(saesweep_torch INTERFACE
  ${SAESWEEP_LIBTORCH}/lib/libtorch_cpu.so ${SAESWEEP_LIBTORCH}/lib/libc10.so)
# LibTorch may carry its OpenMP runtime (libgomp.so.1, libgomp-a34b3233.so.1): a second one in the process would keep
# threads of its own.
file(GLOB gomp ${SAESWEEP_LIBTORCH}/lib/libgomp*.so*)
if(gomp)
  list(GET gomp 0 gomp)
  target_compile_options(saesweep_torch INTERFACE ${OpenMP_CXX_FLAGS})
  target_link_libraries(saesweep_torch INTERFACE ${gomp})
else()
  target_link_libraries(saesweep_torch INTERFACE OpenMP::OpenMP_CXX)
endif()
# The wheel's libtorch_cpu.so needs CUDA's profiler libraries, which it finds by its own RPATH.
target_link_options(saesweep_torch INTERFACE -Wl,--allow-shlib-undefined)
