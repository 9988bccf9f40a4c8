# saesweep_cuda: the kernels of src/*/cuda, where nvcc is there; without it all is built, and CUDA devices work through
# LibTorch alone. Neither a device nor a driver is needed to build or to run on the CPU: CUDA's runtime is linked in.
option(SAESWEEP_CUDA "Build the CUDA kernels where nvcc is found" ON)
if(NOT SAESWEEP_CUDA OR SAESWEEP_SANITIZE)
  return()
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80 90)  # A100, H100 and their like; later ones compile what is stored of the last
endif()
set(ENV{CUDAARCHS} "${CMAKE_CUDA_ARCHITECTURES}")
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  message(STATUS "CUDA kernels: not built, no nvcc that works")
  return()
endif()
enable_language(CUDA)
if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # which CMake 3.25 does not know of nvcc
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
endif()
message(STATUS "CUDA kernels: ${CMAKE_CUDA_COMPILER}, architectures ${CMAKE_CUDA_ARCHITECTURES}")
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/*/cuda/*.cu)
add_library(saesweep_cuda STATIC ${sources})
target_include_directories(saesweep_cuda PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(saesweep_cuda PRIVATE --expt-relaxed-constexpr --Werror all-warnings)
target_compile_definitions(saesweep_cuda INTERFACE SAESWEEP_HAS_CUDA)
set_target_properties(saesweep_cuda PROPERTIES
  CUDA_STANDARD 20 CUDA_EXTENSIONS OFF CUDA_RUNTIME_LIBRARY Static)
