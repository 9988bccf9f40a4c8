#pragma once

namespace saesweep::mpi {

//! MPI's life: starts it with MPI_THREAD_MULTIPLE, ends it in the destructor. One, in main, before any Comm.
//! Throws SystemError where the library gives fewer threads.
class Environment {
 public:
  Environment(int& argc, char**& argv);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
};

}  // namespace saesweep::mpi
