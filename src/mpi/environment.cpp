#include "mpi/environment.h"

#include <mpi.h>

#include "base/errors.h"
#include "mpi/comm.h"

namespace saesweep::mpi {

Environment::Environment(int& argc, char**& argv) {
  int provided = MPI_THREAD_SINGLE;
  check(MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
  if (provided < MPI_THREAD_MULTIPLE) {
    MPI_Finalize();
    throw SystemError("MPI: this library offers thread level " + std::to_string(provided) +
                      ", the program needs MPI_THREAD_MULTIPLE; use an MPI built with threads");
  }
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
}

Environment::~Environment() {
  MPI_Finalize();
}

}  // namespace saesweep::mpi
