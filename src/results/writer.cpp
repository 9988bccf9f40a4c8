#include "results/writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <optional>
#include <string>

#include "base/errors.h"
#include "h5/file.h"
#include "results/agree.h"
#include "results/blocks.h"
#include "results/carry.h"
#include "results/create.h"
#include "results/header.h"

namespace saesweep::results {

namespace {

template <typename T>
void check_type(const Dataset& described, std::span<const T>) {
  const bool is_float = described.type == Type::kFloat32 || described.type == Type::kFloat64;
  const bool is_text = described.type == Type::kText;
  if (is_text == std::is_same_v<T, std::string> && is_float == std::is_floating_point_v<T>) return;
  throw SystemError("results: " + std::string(described.path) + " holds " + std::string(type_name(described.type)) +
                    ", it was given another type");
}

size_t size_of(const Values& values) {
  return std::visit([](auto span) { return span.size(); }, values);
}

// The first n elements after the indices `place`, cut along the dimension after them only.
h5::Slab prefix(const h5::Dataset& dataset, std::vector<hsize_t> place, size_t n) {
  h5::Slab slab{std::move(place), dataset.dims()};
  const size_t fixed = std::min(slab.start.size(), slab.count.size());
  std::fill_n(slab.count.begin(), fixed, 1);
  if (fixed == slab.count.size()) return slab;
  slab.start.resize(slab.count.size(), 0);
  slab.count[fixed] = 1;
  const size_t inner = n_elements(slab);
  slab.count[fixed] = inner == 0 ? 0 : n / inner;
  return slab;
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

  // `place`: the first indices of what is written.
  void write(std::string_view path, std::vector<hsize_t> place, const Values& values) {
    const Dataset& described = dataset(path);
    std::visit([&](auto span) { check_type(described, span); }, values);
    h5::Dataset& written = datasets.find(path)->second;
    const h5::Slab slab = prefix(written, std::move(place), size_of(values));
    stop_if_full(file.path(), [&] { std::visit([&](auto span) { written.write_slab(slab, span); }, values); });
  }
};

ResultsWriter ResultsWriter::create(const std::filesystem::path& path, const mpi::Comm& comm, const Shape& shape,
                                    std::span<const CellRow> rows, const RootInfo& info,
                                    std::span<const Vocabulary> vocabularies, std::span<const GridEntry> grid) {
  create_results(path, comm, {shape, rows, info, vocabularies, grid});
  return open(path, comm);
}

ResultsWriter ResultsWriter::recreate(const std::filesystem::path& path, const mpi::Comm& comm, const Shape& shape,
                                      std::span<const CellRow> rows, const RootInfo& info, Stage last_stage,
                                      std::span<const Vocabulary> vocabularies, std::span<const GridEntry> grid,
                                      std::span<const std::filesystem::path> older) {
  std::optional<Carried> carried;
  agree(comm, [&] { carried = find_carried(older, vocabularies, last_stage); });
  for (CarriedVocabularies& one : carried->vocabularies) comm.broadcast(std::span(one.matches));
  create_results(path, comm, {shape, rows, info, vocabularies, grid},
                 [&](h5::File& file, RowRange range) { carry_rows(*carried, file, rows, range); });
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
  impl_->write("/cells/" + std::string(column), {row}, std::span<const double>(&value, 1));
}

void ResultsWriter::write(uint64_t row, std::string_view column, int64_t value) {
  impl_->write("/cells/" + std::string(column), {row}, std::span<const int64_t>(&value, 1));
}

void ResultsWriter::write(uint64_t row, std::string_view column, std::string_view value) {
  const std::string text(value);
  impl_->write("/cells/" + std::string(column), {row}, std::span<const std::string>(&text, 1));
}

void ResultsWriter::write_block(uint64_t row, std::string_view path, const Values& values) {
  impl_->write(path, {row}, values);
}

void ResultsWriter::write_block(uint64_t row, uint64_t slot, std::string_view path, const Values& values) {
  impl_->write(path, {row, slot}, values);
}

void ResultsWriter::write_latents(uint64_t row, std::string_view column, const Values& values) {
  write_block(row, "/latents/" + std::string(column), values);
}

void ResultsWriter::write_curve(uint64_t row, std::string_view column, const Values& values) {
  write_block(row, "/curves/" + std::string(column), values);
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
