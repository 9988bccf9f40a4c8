#include "mpi/comm.h"

#include <cstdlib>
#include <exception>
#include <numeric>
#include <type_traits>
#include <utility>

#include "base/errors.h"

namespace saesweep::mpi {

namespace {

template <typename T>
MPI_Datatype datatype() {
  if constexpr (std::is_same_v<T, int>) {
    return MPI_INT;
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return MPI_INT64_T;
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    return MPI_UINT64_T;
  } else {
    static_assert(std::is_same_v<T, double>);
    return MPI_DOUBLE;
  }
}

template <typename T>
T reduce(T value, MPI_Op operation, MPI_Comm comm) {
  T result{};
  check(MPI_Allreduce(&value, &result, 1, datatype<T>(), operation, comm), "MPI_Allreduce");
  return result;
}

std::vector<int> starts_of(const std::vector<int>& lengths) {
  std::vector<int> starts(lengths.size());
  std::exclusive_scan(lengths.begin(), lengths.end(), starts.begin(), 0);
  return starts;
}

}  // namespace

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw SystemError(std::string(call) + ": " + std::string(text, static_cast<size_t>(length)));
}

Comm::Comm(MPI_Comm comm, bool owned) : comm_(comm), owned_(owned) {
  check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
}

Comm Comm::world() {
  return Comm(MPI_COMM_WORLD, false);
}

Comm::Comm(Comm&& other) noexcept
    : comm_(other.comm_), owned_(std::exchange(other.owned_, false)), rank_(other.rank_), size_(other.size_) {}

Comm& Comm::operator=(Comm&& other) noexcept {
  if (this != &other) {
    free();
    comm_ = other.comm_;
    owned_ = std::exchange(other.owned_, false);
    rank_ = other.rank_;
    size_ = other.size_;
  }
  return *this;
}

Comm::~Comm() {
  free();
}

void Comm::free() noexcept {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (owned_ && !finalized && std::uncaught_exceptions() == 0) MPI_Comm_free(&comm_);
  owned_ = false;
}

Comm Comm::duplicate() const {
  MPI_Comm copy = MPI_COMM_NULL;
  check(MPI_Comm_dup(comm_, &copy), "MPI_Comm_dup");
  return Comm(copy, true);
}

Comm Comm::node_local() const {
  MPI_Comm local = MPI_COMM_NULL;
  check(MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &local), "MPI_Comm_split_type");
  return Comm(local, true);
}

void Comm::barrier() const {
  check(MPI_Barrier(comm_), "MPI_Barrier");
}

template <typename T>
void Comm::broadcast(std::span<T> values, int root) const {
  check(MPI_Bcast(values.data(), static_cast<int>(values.size()), datatype<T>(), root, comm_), "MPI_Bcast");
}

template <typename T>
T Comm::broadcast(T value, int root) const {
  broadcast(std::span<T>(&value, 1), root);
  return value;
}

std::string Comm::broadcast(const std::string& text, int root) const {
  std::string result = text;
  result.resize(broadcast<uint64_t>(text.size(), root));
  check(MPI_Bcast(result.data(), static_cast<int>(result.size()), MPI_CHAR, root, comm_), "MPI_Bcast");
  return result;
}

std::vector<std::string> Comm::gather(const std::string& text, int root) const {
  const std::vector<int> lengths = all_gather(static_cast<int>(text.size()));
  const std::vector<int> starts = starts_of(lengths);
  std::string joined(static_cast<size_t>(rank_ == root ? starts.back() + lengths.back() : 0), '\0');
  check(MPI_Gatherv(text.data(), static_cast<int>(text.size()), MPI_CHAR, joined.data(), lengths.data(), starts.data(),
                    MPI_CHAR, root, comm_),
        "MPI_Gatherv");
  std::vector<std::string> texts;
  if (rank_ != root) return texts;
  for (size_t i = 0; i < lengths.size(); ++i) {
    texts.push_back(joined.substr(static_cast<size_t>(starts[i]), static_cast<size_t>(lengths[i])));
  }
  return texts;
}

std::vector<std::string> Comm::all_gather(const std::string& text) const {
  std::vector<std::string> texts = gather(text);
  texts.resize(static_cast<size_t>(size_));
  for (std::string& one : texts) one = broadcast(one);
  return texts;
}

template <typename T>
std::vector<T> Comm::all_gather(T value) const {
  std::vector<T> values(static_cast<size_t>(size_));
  check(MPI_Allgather(&value, 1, datatype<T>(), values.data(), 1, datatype<T>(), comm_), "MPI_Allgather");
  return values;
}

template <typename T>
T Comm::sum(T value) const {
  return reduce(value, MPI_SUM, comm_);
}

template <typename T>
T Comm::max(T value) const {
  return reduce(value, MPI_MAX, comm_);
}

template <typename T>
T Comm::min(T value) const {
  return reduce(value, MPI_MIN, comm_);
}

bool Comm::all(bool value) const {
  return min<int>(value ? 1 : 0) == 1;
}

void Comm::send(int to, int tag, std::span<const std::byte> bytes) const {
  check(MPI_Send(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, to, tag, comm_), "MPI_Send");
}

std::optional<Message> Comm::try_receive(int source, int tag) const {
  int come = 0;
  MPI_Status status;
  MPI_Message handle = MPI_MESSAGE_NULL;
  check(MPI_Improbe(source, tag, comm_, &come, &handle, &status), "MPI_Improbe");
  if (!come) return std::nullopt;
  int length = 0;
  check(MPI_Get_count(&status, MPI_BYTE, &length), "MPI_Get_count");
  Message message{status.MPI_SOURCE, std::vector<std::byte>(static_cast<size_t>(length))};
  check(MPI_Mrecv(message.bytes.data(), length, MPI_BYTE, &handle, MPI_STATUS_IGNORE), "MPI_Mrecv");
  return message;
}

void Comm::abort(int code) const {
  MPI_Abort(comm_, code);
  std::_Exit(code);
}

std::string library_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  check(MPI_Get_library_version(text, &length), "MPI_Get_library_version");
  const std::string version(text, static_cast<size_t>(length));
  return version.substr(0, version.find_first_of(",\n"));
}

#define SAESWEEP_MPI_NUMBER(T)                            \
  template void Comm::broadcast(std::span<T>, int) const; \
  template T Comm::broadcast(T, int) const;               \
  template std::vector<T> Comm::all_gather(T) const;      \
  template T Comm::sum(T) const;                          \
  template T Comm::max(T) const;                          \
  template T Comm::min(T) const
SAESWEEP_MPI_NUMBER(int);
SAESWEEP_MPI_NUMBER(int64_t);
SAESWEEP_MPI_NUMBER(uint64_t);
SAESWEEP_MPI_NUMBER(double);
#undef SAESWEEP_MPI_NUMBER

}  // namespace saesweep::mpi
