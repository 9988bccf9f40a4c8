# One folder under src/ is one static library, its tests stand in tests/<folder>, and its sources are
# found by glob: a new file needs no list to be kept by hand.

add_library(saesweep_options INTERFACE)
target_compile_options(saesweep_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # False alarms of GCC 12 inside libstdc++ and fmt (gcc.gnu.org PR 105651).
  target_compile_options(saesweep_options INTERFACE
    -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds)
endif()
target_include_directories(saesweep_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(saesweep_options INTERFACE
  OMPI_SKIP_MPICXX SAESWEEP_VERSION="${PROJECT_VERSION}" SPDLOG_FMT_EXTERNAL)
if(SAESWEEP_SANITIZE)
  # What sanitizers add makes gcc see uninitialized values where there are none (as its manual says).
  target_compile_options(saesweep_options INTERFACE
    -fsanitize=${SAESWEEP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g -Wno-maybe-uninitialized)
  target_link_options(saesweep_options INTERFACE -fsanitize=${SAESWEEP_SANITIZE})
endif()

# saesweep_folder(NAME LIBS...): the static library saesweep_NAME of src/NAME, linked to LIBS.
function(saesweep_folder name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  if(NOT sources)  # headers alone
    add_library(saesweep_${name} INTERFACE)
    target_link_libraries(saesweep_${name} INTERFACE saesweep_options ${ARGN})
    return()
  endif()
  add_library(saesweep_${name} STATIC ${sources})
  target_link_libraries(saesweep_${name} PUBLIC saesweep_options ${ARGN})
  if(saesweep::torch IN_LIST ARGN)
    target_precompile_headers(saesweep_${name} PRIVATE <ATen/ATen.h>)
  endif()
endfunction()

# saesweep_tests(NAME LIBS...): tests/NAME/*_test.cpp as one program; *_mpi_test.cpp as another, run
# under mpirun on 1, 2, 3 and 4 ranks. Each test bears its folder's name as label.
function(saesweep_tests name)
  file(GLOB mpi_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${name}/*_mpi_test.cpp)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${name}/*_test.cpp)
  list(REMOVE_ITEM sources ${mpi_sources} "")
  if(sources)
    add_executable(${name}_test ${sources})
    target_link_libraries(${name}_test PRIVATE ${ARGN} ${SAESWEEP_TEST_OBJECTS} GTest::gtest_main)
    target_include_directories(${name}_test PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    # CTest fills the cores with tests; two of two threads each would wait for each other in every parallel loop.
    gtest_discover_tests(${name}_test TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      PROPERTIES LABELS ${name} ENVIRONMENT OMP_NUM_THREADS=1)
  endif()
  if(mpi_sources)
    add_executable(${name}_mpi_test ${mpi_sources} ${CMAKE_SOURCE_DIR}/tests/support/mpi_main.cpp)
    target_link_libraries(${name}_mpi_test PRIVATE ${ARGN} ${SAESWEEP_TEST_OBJECTS} saesweep_mpi GTest::gtest)
    target_include_directories(${name}_mpi_test PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    foreach(ranks 1 2 3 4)
      add_test(NAME ${name}_mpi.${ranks}_ranks
        COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none -n ${ranks} $<TARGET_FILE:${name}_mpi_test>
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
      set_tests_properties(${name}_mpi.${ranks}_ranks PROPERTIES LABELS ${name} PROCESSORS 2 TIMEOUT 120
        ENVIRONMENT "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
    endforeach()
  endif()
endfunction()
