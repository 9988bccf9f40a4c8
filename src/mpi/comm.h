#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace saesweep::mpi {

//! A message of bytes, with where it came from.
struct Message {
  int source = 0;
  std::vector<std::byte> bytes;
};

//! Any rank, as a source.
inline constexpr int kAnySource = MPI_ANY_SOURCE;

//! A communicator. Passed by reference; owns what duplicate() and node_local() make. Every MPI error becomes a
//! SystemError with MPI's own text. Numbers T: int, int64_t, uint64_t, double.
class Comm {
 public:
  //! All ranks of the job. *Local*.
  static Comm world();

  Comm(Comm&& other) noexcept;
  Comm& operator=(Comm&& other) noexcept;
  //! *Collective* for a communicator of its own; frees nothing while an exception flies (the others may be gone).
  ~Comm();

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool is_root() const { return rank_ == 0; }

  //! The same ranks, with messages of their own. *Collective*.
  Comm duplicate() const;
  //! The ranks on this node, in the same order. *Collective*.
  Comm node_local() const;

  //! *Collective*, as all up to the next mark.
  void barrier() const;
  //! The root's value, on every rank.
  std::string broadcast(const std::string& text, int root = 0) const;
  template <typename T>
  void broadcast(std::span<T> values, int root = 0) const;
  template <typename T>
  T broadcast(T value, int root = 0) const;
  //! Every rank's text or number in the order of ranks: on the root (gather; empty elsewhere) or on all.
  std::vector<std::string> gather(const std::string& text, int root = 0) const;
  std::vector<std::string> all_gather(const std::string& text) const;
  template <typename T>
  std::vector<T> all_gather(T value) const;
  //! Over all ranks. Sums of doubles depend on the number of ranks: use none where bits matter.
  template <typename T>
  T sum(T value) const;
  template <typename T>
  T max(T value) const;
  template <typename T>
  T min(T value) const;
  //! Whether it holds on every rank.
  bool all(bool value) const;

  //! Sends bytes. *Local*; may wait until the receiver takes a large message. Thread-safe.
  void send(int to, int tag, std::span<const std::byte> bytes) const;
  //! A message that has come, or nothing; never waits for one. *Local*. Thread-safe for distinct tags.
  std::optional<Message> try_receive(int source, int tag) const;

  //! Ends every rank of the job with this exit code.
  [[noreturn]] void abort(int code) const;

  //! For h5/ alone.
  MPI_Comm native() const { return comm_; }

 private:
  Comm(MPI_Comm comm, bool owned);
  void free() noexcept;

  MPI_Comm comm_ = MPI_COMM_NULL;
  bool owned_ = false;
  int rank_ = 0;
  int size_ = 1;
};

//! Throws SystemError "<call>: <MPI's text>" unless code is MPI_SUCCESS.
void check(int code, const char* call);

//! Name and version of the MPI library, one line.
std::string library_version();

}  // namespace saesweep::mpi
