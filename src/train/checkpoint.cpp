#include "train/checkpoint.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "train/recipe.h"

namespace saesweep::train {

namespace {

constexpr const char* kFormat = "saesweep-checkpoint";
constexpr const char* kVersion = "1";
constexpr const char* kEnding = ".safetensors";
constexpr size_t kKept = 2;
//! Checksums are taken of blocks of this size, on several threads, and of their list.
constexpr int64_t kBlockBytes = int64_t{4} << 20;

using Metadata = std::map<std::string, std::string>;

std::string checksum(std::string_view bytes) {
  return fmt::format("{:08x}", ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

//! tensor: contiguous, on the CPU.
std::string checksum(const at::Tensor& tensor) {
  const std::string_view bytes(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
  const auto size = static_cast<int64_t>(bytes.size());
  std::vector<std::string> blocks(static_cast<size_t>((size + kBlockBytes - 1) / kBlockBytes));
  at::parallel_for(0, static_cast<int64_t>(blocks.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      blocks[static_cast<size_t>(i)] = checksum(bytes.substr(static_cast<size_t>(i * kBlockBytes), kBlockBytes));
    }
  });
  return checksum(fmt::format("{}", fmt::join(blocks, "")));
}

//! Of all that the header says, but for itself.
std::string header_checksum(const Metadata& metadata, const std::string& shapes) {
  std::string all = shapes;
  for (const auto& [key, value] : metadata) {
    if (key != "header_checksum") all += fmt::format("{}={}\n", key, value);
  }
  return checksum(all);
}

std::string shape_line(const std::string& name, at::ScalarType dtype, at::IntArrayRef shape) {
  return fmt::format("{} {} {}\n", name, model::safetensors_dtype_name(dtype), model::shape_text(shape));
}

std::filesystem::path folder_of(const std::filesystem::path& folder, const std::string& cell_id) {
  return folder / cell_id;
}

//! Steps by the name of a file; nothing for other files.
std::optional<int64_t> steps_of(const std::filesystem::path& path) {
  const std::string name = path.stem();
  int64_t steps = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), steps);
  const bool is_number = error == std::errc() && end == name.data() + name.size();
  return is_number && path.extension() == kEnding ? std::optional(steps) : std::nullopt;
}

//! Those of a cell in these folders, the furthest first; at equal steps in the order of the folders.
std::vector<std::pair<int64_t, std::filesystem::path>> files_of(std::span<const std::filesystem::path> folders,
                                                                const std::string& cell_id) {
  std::vector<std::pair<int64_t, std::filesystem::path>> files;
  for (const std::filesystem::path& folder : folders) {
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(folder_of(folder, cell_id), missing)) {
      if (const auto steps = steps_of(entry.path())) files.emplace_back(*steps, entry.path());
    }
  }
  std::ranges::stable_sort(files, [](const auto& a, const auto& b) { return a.first > b.first; });
  return files;
}

const std::string& entry(const model::SafetensorsFile& file, const char* key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) throw ModelError(file.path().string(), fmt::format("lacks the entry {}", key));
  return found->second;
}

void expect(const model::SafetensorsFile& file, const char* key, const std::string& expected) {
  if (const std::string& found = entry(file, key); found != expected) {
    throw ModelError(file.path().string(), fmt::format("{}: found '{}', expected '{}'", key, found, expected));
  }
}

void check_header(const model::SafetensorsFile& file) {
  std::string shapes;
  for (const auto& [name, info] : file.tensors()) shapes += shape_line(name, info.dtype, info.shape);
  expect(file, "header_checksum", header_checksum(file.metadata(), shapes));
}

Checkpoint read_file(const std::filesystem::path& path, const std::string& cell_id) {
  const model::SafetensorsFile file(path);
  expect(file, "format", kFormat);
  expect(file, "version", kVersion);
  expect(file, "cell_id", cell_id);
  check_header(file);
  Checkpoint checkpoint;
  checkpoint.cell_id = cell_id;
  checkpoint.trainer.steps_done = parse_json(entry(file, "steps_done"), path.string());
  checkpoint.trainer.numbers = parse_json(entry(file, "numbers"), path.string());
  checkpoint.more = parse_json(entry(file, "more"), path.string());
  const Json checksums = parse_json(entry(file, "checksums"), path.string());
  for (const auto& [name, info] : file.tensors()) {
    const at::Tensor tensor = file.tensor(name);
    if (checksums.value(name, "") != checksum(tensor)) {
      throw ModelError(path.string(), fmt::format("tensor {}: its checksum is another one: the file is damaged", name));
    }
    checkpoint.trainer.tensors.emplace_back(name, tensor);
  }
  return checkpoint;
}

//! Older ones, and what killed writers left.
void remove_older(const std::filesystem::path& folder, const std::string& cell_id) {
  const auto files = files_of({&folder, 1}, cell_id);
  std::error_code ignored;
  for (const auto& item : std::filesystem::directory_iterator(folder_of(folder, cell_id), ignored)) {
    const auto place = std::ranges::find(files, item.path(), [](const auto& file) { return file.second; });
    if (static_cast<size_t>(place - files.begin()) >= kKept) std::filesystem::remove(item.path(), ignored);
  }
}

}  // namespace

uint64_t write_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint) {
  Json checksums = Json::object();
  std::map<std::string, std::string> shapes;  // in the order in which they are read
  uint64_t bytes = 0;
  for (const auto& [name, tensor] : checkpoint.trainer.tensors) {
    checksums[name] = checksum(tensor.to(at::kCPU).contiguous());
    shapes[name] = shape_line(name, tensor.scalar_type(), tensor.sizes());
    bytes += tensor.nbytes();
  }
  Metadata metadata = {{"format", kFormat},
                       {"version", kVersion},
                       {"cell_id", checkpoint.cell_id},
                       {"steps_done", std::to_string(checkpoint.trainer.steps_done)},
                       {"numbers", checkpoint.trainer.numbers.dump()},
                       {"more", checkpoint.more.dump()},
                       {"checksums", checksums.dump()}};
  std::string lines;
  for (const auto& [name, line] : shapes) lines += line;
  metadata["header_checksum"] = header_checksum(metadata, lines);
  const std::string name = fmt::format("{:010}{}", checkpoint.trainer.steps_done, kEnding);
  model::write_safetensors(folder_of(folder, checkpoint.cell_id) / name, checkpoint.trainer.tensors, metadata);
  remove_older(folder, checkpoint.cell_id);
  return bytes;
}

std::optional<Checkpoint> read_checkpoint(std::span<const std::filesystem::path> folders, const std::string& cell_id,
                                          const std::function<void(const std::string&)>& on_bad) {
  std::vector<std::filesystem::path> bad;
  for (const auto& [steps, path] : files_of(folders, cell_id)) {
    try {
      Checkpoint found = read_file(path, cell_id);
      std::error_code ignored;
      for (const std::filesystem::path& one : bad) std::filesystem::remove(one, ignored);
      return found;
    } catch (const InputError& error) {
      on_bad(error.what());
      bad.push_back(path);
    }
  }
  return std::nullopt;
}

int64_t checkpointed_steps(std::span<const std::filesystem::path> folders, const std::string& cell_id) {
  const auto files = files_of(folders, cell_id);
  return files.empty() ? 0 : files.front().first;
}

void remove_checkpoints(const std::filesystem::path& folder, const std::string& cell_id) {
  std::error_code ignored;  // what is left does no harm
  std::filesystem::remove_all(folder_of(folder, cell_id), ignored);
}

uint64_t checkpoint_bytes(int64_t d_in, int64_t n_latents, const sae::SaeOptions& sae, const TrainOptions& train) {
  const auto has_threshold = sae.architecture == sae::Architecture::kJumpRelu ? n_latents : 0;
  const auto n = static_cast<uint64_t>(2 * d_in * n_latents + n_latents + d_in + has_threshold);
  const uint64_t state = train.optimizer_state == "bfloat16" ? 2 : 4;
  const uint64_t counters = 8 * static_cast<uint64_t>(n_latents);
  return n * (4 + state * (train.optimizer == "signum" ? 1 : 2)) + counters;
}

}  // namespace saesweep::train
