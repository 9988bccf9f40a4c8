#include "results/writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <string>

#include "base/errors.h"
#include "h5/file.h"
#include "results/agree.h"
#include "results/create.h"
#include "results/header.h"

namespace saesweep::results {

namespace {

bool is_float(Type type) {
  return type == Type::kFloat32 || type == Type::kFloat64;
}

// A descriptor of the rank's own: HDF5's flushes are collective.
class SyncDescriptor {
 public:
  explicit SyncDescriptor(const std::filesystem::path& path)
      : path_(path), descriptor_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    if (descriptor_ < 0) throw OutputError(path.string(), std::string("cannot be written: ") + std::strerror(errno));
  }
  ~SyncDescriptor() { ::close(descriptor_); }
  SyncDescriptor(const SyncDescriptor&) = delete;
  SyncDescriptor& operator=(const SyncDescriptor&) = delete;

  void sync() const {
    if (::fdatasync(descriptor_) == 0) return;
    const std::string message = path_.string() + ": fdatasync: " + std::strerror(errno);
    if (errno == ENOSPC || errno == EDQUOT) throw StoppedError(message + "; make room and start again");
    throw SystemError(message);
  }

 private:
  std::filesystem::path path_;
  int descriptor_;
};

}  // namespace

struct ResultsWriter::Impl {
  h5::File file;
  Shape shape;
  SyncDescriptor descriptor;
  std::map<std::string, h5::Dataset, std::less<>> datasets;

  Impl(const std::filesystem::path& path, const mpi::Comm& comm)
      : file(h5::File::open(path, comm)), shape(shape_of(file)), descriptor(path) {
    for (const Dataset& one : schema()) {
      datasets.emplace(one.path, file.open_dataset(std::string(one.path)));
    }
  }

  ~Impl() {
    if (std::uncaught_exceptions() == 0) return;
    datasets.clear();
    file.leak();
  }

  template <typename T>
  void write_row(const Dataset& described, uint64_t row, std::span<const T> values) {
    h5::Slab slab{{row}, {1}};
    if (!described.dimensions.empty()) {
      slab.start.push_back(0);
      slab.count.push_back(values.size());
    }
    stop_if_full(file.path(), [&] { datasets.at(std::string(described.path)).write_slab(slab, values); });
  }

  template <typename T>
  void write_number(const std::string& path, uint64_t row, std::span<const T> values) {
    const Dataset& described = dataset(path);
    if (described.type == Type::kText || is_float(described.type) != std::is_floating_point_v<T>) {
      throw SystemError("results: " + path + " holds " + std::string(type_name(described.type)) +
                        ", it was given another type");
    }
    write_row(described, row, values);
  }
};

ResultsWriter ResultsWriter::create(const std::filesystem::path& path, const mpi::Comm& comm, const Shape& shape,
                                    std::span<const CellRow> rows, const RootInfo& info) {
  create_results(path, comm, shape, rows, info);
  return open(path, comm);
}

ResultsWriter ResultsWriter::open(const std::filesystem::path& path, const mpi::Comm& comm) {
  agree(comm, [&] {
    if (comm.is_root()) open_results(path).close();
  });
  return ResultsWriter(std::make_unique<Impl>(path, comm));
}

ResultsWriter::ResultsWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ResultsWriter::ResultsWriter(ResultsWriter&&) noexcept = default;
ResultsWriter& ResultsWriter::operator=(ResultsWriter&&) noexcept = default;
ResultsWriter::~ResultsWriter() = default;

const Shape& ResultsWriter::shape() const {
  return impl_->shape;
}

void ResultsWriter::write(uint64_t row, std::string_view column, double value) {
  impl_->write_number<double>("/cells/" + std::string(column), row, std::span(&value, 1));
}

void ResultsWriter::write(uint64_t row, std::string_view column, int64_t value) {
  impl_->write_number<int64_t>("/cells/" + std::string(column), row, std::span(&value, 1));
}

void ResultsWriter::write(uint64_t row, std::string_view column, std::string_view value) {
  const Dataset& described = dataset("/cells/" + std::string(column));
  if (described.type != Type::kText) throw SystemError("results: " + std::string(described.path) + " holds no text");
  const std::string text(value);
  impl_->write_row<std::string>(described, row, std::span(&text, 1));
}

void ResultsWriter::write_latents(uint64_t row, std::string_view column, std::span<const float> values) {
  impl_->write_number("/latents/" + std::string(column), row, values);
}

void ResultsWriter::write_latents(uint64_t row, std::string_view column, std::span<const double> values) {
  impl_->write_number("/latents/" + std::string(column), row, values);
}

void ResultsWriter::write_latents(uint64_t row, std::string_view column, std::span<const int64_t> values) {
  impl_->write_number("/latents/" + std::string(column), row, values);
}

void ResultsWriter::write_curve(uint64_t row, std::string_view column, std::span<const double> values) {
  impl_->write_number("/curves/" + std::string(column), row, values);
}

void ResultsWriter::write_curve(uint64_t row, std::string_view column, std::span<const int64_t> values) {
  impl_->write_number("/curves/" + std::string(column), row, values);
}

void ResultsWriter::set_stage(uint64_t row, Stage stage) {
  sync();
  write(row, "stage", static_cast<int64_t>(stage));
}

void ResultsWriter::set_state(uint64_t row, State state, std::string_view failure) {
  write(row, "failure", failure);
  if (state == State::kDone || state == State::kFailed) sync();
  write(row, "state", static_cast<int64_t>(state));
}

void ResultsWriter::sync() {
  impl_->descriptor.sync();
}

void ResultsWriter::close() {
  impl_->datasets.clear();
  impl_->file.close();
}

std::string storage_version() {
  return h5::library_version();
}

}  // namespace saesweep::results
