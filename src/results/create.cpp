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
#include "results/blocks.h"
#include "results/header.h"
#include "results/writer.h"

namespace saesweep::results {

namespace {

// What HDF5 needs for itself, and a little for logs.
constexpr uint64_t kSpareBytes = 4 << 20;

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
    case Type::kInt8:
      return h5::Kind::kInt8;
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

std::string group_of(const Dataset& dataset) {
  return std::string(dataset.path.substr(0, dataset.path.rfind('/')));
}

void create_datasets(h5::File& file, const NewFile& contents) {
  for (const Dataset& one : schema()) {
    if (!file.has(group_of(one))) file.create_group(group_of(one));
    std::vector<hsize_t> dims;
    for (const Dimension dimension : one.dimensions) dims.push_back(contents.shape.length(dimension));
    const std::string path(one.path);
    file.create_dataset(path, {kind_of(one.type), bytes_of(one, contents.rows)}, dims);
    file.set_attribute(path, "stage", static_cast<int64_t>(one.stage));
    file.set_attribute(path, "unit", one.unit);
    file.set_attribute(path, "meaning", one.meaning);
    file.set_attribute(path, "reproducible", one.reproducible ? 1 : 0);
  }
}

// Fills rows with what stands for "missing".
template <typename T>
void fill(h5::Dataset& dataset, RowRange range, const T& missing) {
  h5::Slab share{std::vector<hsize_t>(dataset.dims().size(), 0), dataset.dims()};
  share.start[0] = range.first;
  share.count[0] = range.last - range.first;
  std::vector<T> values;
  for_each_block(share, dataset.element_bytes(), [&](const h5::Slab& block) {
    const size_t n = n_elements(block);
    values.resize(std::max(values.size(), n), missing);
    dataset.write_slab(block, std::span<const T>(values).first(n));
  });
}

void fill_missing(h5::Dataset& dataset, Type type, RowRange range) {
  switch (type) {
    case Type::kInt8:
      return fill<int8_t>(dataset, range, -1);
    case Type::kUint8:
      return fill<uint8_t>(dataset, range, 0);
    case Type::kInt32:
      return fill<int32_t>(dataset, range, -1);
    case Type::kInt64:
      return fill<int64_t>(dataset, range, -1);
    case Type::kFloat32:
      return fill<float>(dataset, range, std::numeric_limits<float>::quiet_NaN());
    case Type::kFloat64:
      return fill<double>(dataset, range, std::numeric_limits<double>::quiet_NaN());
    case Type::kText:
      return fill<std::string>(dataset, range, "");
  }
}

// Each rank its share of the cells; the root what belongs to none.
void fill_all(h5::File& file, RowRange cells, bool is_root) {
  for (const Dataset& one : schema()) {
    h5::Dataset dataset = file.open_dataset(std::string(one.path));
    if (one.dimensions.front() == Dimension::kCells) {
      fill_missing(dataset, one.type, cells);
    } else if (is_root) {
      fill_missing(dataset, one.type, {0, dataset.dims().front()});
    }
  }
}

void write_vocabularies(h5::File& file, std::span<const Vocabulary> vocabularies) {
  h5::Dataset dataset = file.open_dataset("/vocabularies/token");
  for (size_t i = 0; i < vocabularies.size(); ++i)
    dataset.write_slab({{i, 0}, {1, vocabularies[i].size()}}, vocabularies[i]);
}

void write_grid(h5::File& file, std::span<const GridEntry> grid) {
  if (grid.empty()) return;
  const std::pair<const char*, std::string GridEntry::*> columns[] = {{"/grid/id", &GridEntry::id},
                                                                      {"/grid/evaluate_id", &GridEntry::evaluate_id},
                                                                      {"/grid/score_id", &GridEntry::score_id},
                                                                      {"/grid/settings", &GridEntry::settings}};
  for (const auto& [path, member] : columns) {
    std::vector<std::string> values;
    for (const GridEntry& entry : grid) values.push_back(entry.*member);
    file.open_dataset(path).write_slab({{0}, {grid.size()}}, values);
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

void make_and_fill(const std::filesystem::path& path, const mpi::Comm& comm, const NewFile& contents,
                   const std::function<void(h5::File&, RowRange)>& finish) {
  h5::File file = h5::File::create(path, comm);
  write_root(file, contents.info);
  create_datasets(file, contents);
  agree(comm, [&] {
    const RowRange cells = share_of(comm, contents.shape.n_cells);
    stop_if_full(path, [&] {
      fill_all(file, cells, comm.is_root());
      write_rows(file, contents.rows, cells);
      if (comm.is_root()) write_vocabularies(file, contents.vocabularies);
      if (comm.is_root()) write_grid(file, contents.grid);
      if (finish) finish(file, cells);
    });
  });
  file.flush(comm);
  file.close();
}

}  // namespace

uint64_t file_bytes(const Shape& shape, std::span<const CellRow> rows) {
  uint64_t bytes = 0;
  for (const Dataset& one : schema()) bytes += all_elements(one, shape) * bytes_of(one, rows);
  return bytes;
}

void create_results(const std::filesystem::path& path, const mpi::Comm& comm, const NewFile& contents,
                    const std::function<void(h5::File&, RowRange)>& finish) {
  if (contents.rows.size() != contents.shape.n_cells)
    throw SystemError("results: " + std::to_string(contents.rows.size()) + " rows for " +
                      std::to_string(contents.shape.n_cells) + " cells");
  if (contents.grid.size() != contents.shape.n_grid)
    throw SystemError("results: a grid of " + std::to_string(contents.grid.size()) + " cells for " +
                      std::to_string(contents.shape.n_grid));
  const std::filesystem::path unfinished = path.string() + ".new";
  agree(comm, [&] {
    if (!comm.is_root()) return;
    std::error_code ignored;
    std::filesystem::remove(unfinished, ignored);  // what a killed job left takes space
    check_space(path, file_bytes(contents.shape, contents.rows));
  });
  try {
    make_and_fill(unfinished, comm, contents, finish);
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
