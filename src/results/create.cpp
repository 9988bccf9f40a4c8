#include "results/create.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "base/errors.h"
#include "base/files.h"
#include "h5/file.h"
#include "results/agree.h"
#include "results/header.h"
#include "results/writer.h"

namespace saesweep::results {

namespace {

// What HDF5 needs for itself, and a little for logs.
constexpr uint64_t kSpareBytes = 4 << 20;
constexpr uint64_t kFillBlockBytes = 1 << 20;

size_t text_bytes(const Dataset& dataset, std::span<const CellRow> rows) {
  size_t bytes = dataset.text_bytes;
  for (const auto& [path, member] : text_columns()) {
    if (path != dataset.path) continue;
    for (const CellRow& row : rows) bytes = std::max(bytes, (row.*member).size());
  }
  return bytes;
}

size_t bytes_of(const Dataset& dataset, std::span<const CellRow> rows) {
  return dataset.type == Type::kText ? text_bytes(dataset, rows) : element_bytes(dataset);
}

h5::Kind kind_of(Type type) {
  switch (type) {
    case Type::kUint8:
      return h5::Kind::kUint8;
    case Type::kInt32:
      return h5::Kind::kInt32;
    case Type::kInt64:
      return h5::Kind::kInt64;
    case Type::kFloat32:
      return h5::Kind::kFloat32;
    case Type::kFloat64:
      return h5::Kind::kFloat64;
    case Type::kText:
      return h5::Kind::kText;
  }
  throw SystemError("results: no such type");
}

void check_space(const std::filesystem::path& path, uint64_t bytes) {
  const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  make_writable_folder(folder);
  const uint64_t needed = bytes + kSpareBytes;
  const uint64_t free = free_bytes(folder);
  if (free >= needed) return;
  throw OutputError(path.string(), "needs " + std::to_string(needed) + " bytes, the file system has " +
                                       std::to_string(free) + " free; make room or choose another [sweep] output");
}

void create_datasets(h5::File& file, const Shape& shape, std::span<const CellRow> rows) {
  for (const char* group : {"/cells", "/latents", "/curves"}) file.create_group(group);
  for (const Dataset& one : schema()) {
    std::vector<hsize_t> dims{shape.n_cells};
    for (const Dimension dimension : one.dimensions) dims.push_back(shape.length(dimension));
    const std::string path(one.path);
    file.create_dataset(path, {kind_of(one.type), bytes_of(one, rows)}, dims);
    file.set_attribute(path, "unit", one.unit);
    file.set_attribute(path, "meaning", one.meaning);
    file.set_attribute(path, "reproducible", one.reproducible ? 1 : 0);
  }
}

// A share of the rows, [first, last), filled in blocks with what stands for "missing".
struct RowRange {
  uint64_t first;
  uint64_t last;
};

template <typename T>
void fill(h5::Dataset& dataset, uint64_t row_elements, RowRange range, const T& missing) {
  if (row_elements == 0) return;
  const uint64_t block = std::max<uint64_t>(1, kFillBlockBytes / (row_elements * sizeof(T)));
  for (uint64_t row = range.first; row < range.last; row += block) {
    h5::Slab slab{std::vector<hsize_t>(dataset.dims().size(), 0), dataset.dims()};
    slab.start[0] = row;
    slab.count[0] = std::min(block, range.last - row);
    const std::vector<T> values(slab.count[0] * row_elements, missing);
    dataset.write_slab(slab, std::span<const T>(values));
  }
}

void fill_missing(h5::File& file, const Shape& shape, RowRange range) {
  for (const Dataset& one : schema()) {
    h5::Dataset dataset = file.open_dataset(std::string(one.path));
    const uint64_t elements = row_elements(one, shape);
    switch (one.type) {
      case Type::kUint8:
        fill<uint8_t>(dataset, elements, range, 0);
        break;
      case Type::kInt32:
        fill<int32_t>(dataset, elements, range, -1);
        break;
      case Type::kInt64:
        fill<int64_t>(dataset, elements, range, -1);
        break;
      case Type::kFloat32:
        fill<float>(dataset, elements, range, std::numeric_limits<float>::quiet_NaN());
        break;
      case Type::kFloat64:
        fill<double>(dataset, elements, range, std::numeric_limits<double>::quiet_NaN());
        break;
      case Type::kText:
        fill<std::string>(dataset, elements, range, "");
        break;
    }
  }
}

void write_rows(h5::File& file, std::span<const CellRow> rows, RowRange range) {
  const h5::Slab slab{{range.first}, {range.last - range.first}};
  const auto share = rows.subspan(range.first, range.last - range.first);
  for (const auto& [path, member] : text_columns()) {
    std::vector<std::string> values;
    for (const CellRow& row : share) values.push_back(row.*member);
    file.open_dataset(std::string(path)).write_slab(slab, values);
  }
  for (const auto& [path, member] : integer_columns()) {
    std::vector<int64_t> values;
    for (const CellRow& row : share) values.push_back(row.*member);
    file.open_dataset(std::string(path)).write_slab<int64_t>(slab, values);
  }
  std::vector<double> penalties;
  for (const CellRow& row : share) penalties.push_back(row.penalty.value_or(std::numeric_limits<double>::quiet_NaN()));
  file.open_dataset("/cells/penalty").write_slab<double>(slab, penalties);
}

RowRange share_of(const mpi::Comm& comm, uint64_t n_rows) {
  const auto rank = static_cast<uint64_t>(comm.rank());
  const auto size = static_cast<uint64_t>(comm.size());
  return {n_rows * rank / size, n_rows * (rank + 1) / size};
}

void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
  for (const auto& path : {from, std::filesystem::absolute(to).parent_path()}) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || ::fsync(descriptor) != 0) throw SystemError(path.string() + ": fsync failed");
    ::close(descriptor);
    if (path == from) std::filesystem::rename(from, to);
  }
}

void make_and_fill(const std::filesystem::path& path, const mpi::Comm& comm, const Shape& shape,
                   std::span<const CellRow> rows, const RootInfo& info) {
  h5::File file = h5::File::create(path, comm);
  write_root(file, info);
  create_datasets(file, shape, rows);
  agree(comm, [&] {
    const RowRange range = share_of(comm, shape.n_cells);
    stop_if_full(path, [&] {
      fill_missing(file, shape, range);
      write_rows(file, rows, range);
    });
  });
  file.flush(comm);
  file.close();
}

}  // namespace

uint64_t file_bytes(const Shape& shape, std::span<const CellRow> rows) {
  uint64_t bytes = 0;
  for (const Dataset& one : schema()) bytes += shape.n_cells * row_elements(one, shape) * bytes_of(one, rows);
  return bytes;
}

void create_results(const std::filesystem::path& path, const mpi::Comm& comm, const Shape& shape,
                    std::span<const CellRow> rows, const RootInfo& info) {
  if (rows.size() != shape.n_cells)
    throw SystemError("results: " + std::to_string(rows.size()) + " rows for " + std::to_string(shape.n_cells) +
                      " cells");
  const std::filesystem::path unfinished = path.string() + ".new";
  agree(comm, [&] {
    if (comm.is_root()) check_space(path, file_bytes(shape, rows));
  });
  try {
    make_and_fill(unfinished, comm, shape, rows, info);
  } catch (const Error&) {
    std::error_code ignored;
    if (comm.is_root()) std::filesystem::remove(unfinished, ignored);
    throw;
  }
  agree(comm, [&] {
    if (comm.is_root()) rename_durably(unfinished, path);
  });
}

}  // namespace saesweep::results
