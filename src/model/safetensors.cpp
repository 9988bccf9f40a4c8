#include "model/safetensors.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "base/errors.h"
#include "base/json.h"

namespace saesweep::model {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr size_t kLengthBytes = 8;
constexpr size_t kAlignment = 8;

struct NamedDtype {
  at::ScalarType dtype;
  const char* name;
};

constexpr std::array<NamedDtype, 8> kDtypes = {{{at::kDouble, "F64"},
                                                {at::kFloat, "F32"},
                                                {at::kHalf, "F16"},
                                                {at::kBFloat16, "BF16"},
                                                {at::kLong, "I64"},
                                                {at::kInt, "I32"},
                                                {at::kByte, "U8"},
                                                {at::kBool, "BOOL"}}};
constexpr const char* kDtypeNames = "F64, F32, F16, BF16, I64, I32, U8 or BOOL";

//! The JSON header's bytes, after checks of the length that stands before it.
std::span<const std::byte> header_of(const MappedFile& file) {
  const std::span<const std::byte> bytes = file.bytes();
  const std::string where = file.path().string();
  if (bytes.size() < kLengthBytes) {
    throw ModelError(where, fmt::format("{} bytes found, a safetensors file has at least 8", bytes.size()));
  }
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > bytes.size() - kLengthBytes) {
    throw ModelError(where,
                     fmt::format("header of {} bytes announced, only {} follow; expected a whole safetensors file "
                                 "(cut short, or another format?)",
                                 length, bytes.size() - kLengthBytes));
  }
  return bytes.subspan(kLengthBytes, length);
}

Json parse_header(const MappedFile& file, std::span<const std::byte> header) {
  const auto* text = reinterpret_cast<const char*>(header.data());
  try {
    Json json = Json::parse(text, text + header.size());
    if (json.is_object()) return json;
  } catch (const Json::exception& error) {
    throw ModelError(file.path().string(), fmt::format("header is no JSON: {}", error.what()));
  }
  throw ModelError(file.path().string(), "header is no JSON object");
}

//! Elements of a shape, or nothing where the number overflows.
std::optional<uint64_t> count(const std::vector<int64_t>& shape) {
  uint64_t n = 1;
  for (const int64_t size : shape) {
    if (__builtin_mul_overflow(n, static_cast<uint64_t>(size), &n)) return std::nullopt;
  }
  return n;
}

//! A list of whole numbers from 0 on under key.
std::vector<int64_t> numbers(const Json& entry, const char* key, const std::string& where) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array()) throw ModelError(where, fmt::format("{}: expected a list", key));
  std::vector<int64_t> values;
  for (const Json& value : *found) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > INT64_MAX) {
      throw ModelError(where, fmt::format("{}: found {}, expected whole numbers from 0 on", key, value.dump()));
    }
    values.push_back(value.get<int64_t>());
  }
  return values;
}

at::ScalarType dtype_of(const Json& entry, const std::string& where) {
  const auto found = entry.find("dtype");
  const std::string name = found == entry.end() ? "nothing"
                           : found->is_string() ? found->get<std::string>()
                                                : found->dump();
  const auto known = std::ranges::find_if(kDtypes, [&](const NamedDtype& d) { return name == d.name; });
  if (known == kDtypes.end()) throw ModelError(where, fmt::format("dtype: found {}, expected {}", name, kDtypeNames));
  return known->dtype;
}

TensorInfo parse_info(const Json& entry, uint64_t data_size, const std::string& where) {
  if (!entry.is_object()) throw ModelError(where, "expected an object with dtype, shape and data_offsets");
  TensorInfo info;
  info.dtype = dtype_of(entry, where);
  info.shape = numbers(entry, "shape", where);
  const std::vector<int64_t> offsets = numbers(entry, "data_offsets", where);
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    throw ModelError(where, fmt::format("data_offsets: found {}, expected a begin and an end not before it", offsets));
  }
  info.begin = static_cast<uint64_t>(offsets[0]);
  info.end = static_cast<uint64_t>(offsets[1]);
  const std::optional<uint64_t> n = count(info.shape);
  uint64_t n_bytes = 0;
  if (!n || __builtin_mul_overflow(*n, c10::elementSize(info.dtype), &n_bytes) || n_bytes != info.end - info.begin) {
    throw ModelError(where,
                     fmt::format("data_offsets hold {} bytes, but shape {} of {} takes {}", info.end - info.begin,
                                 shape_text(info.shape), safetensors_dtype_name(info.dtype), n_bytes));
  }
  if (info.end > data_size) {
    throw ModelError(where, fmt::format("ends at byte {} of the data, but the file holds {} bytes of data (cut short?)",
                                        info.end, data_size));
  }
  return info;
}

//! The tensors' bytes must follow one another and fill the data part.
void check_layout(const std::map<std::string, TensorInfo>& tensors, uint64_t data_size, const std::string& file) {
  std::vector<const std::pair<const std::string, TensorInfo>*> order;
  for (const auto& entry : tensors) order.push_back(&entry);
  std::ranges::sort(order, {}, [](const auto* entry) { return std::pair(entry->second.begin, entry->second.end); });
  uint64_t end = 0;
  const std::string* before = nullptr;
  for (const auto* entry : order) {
    const auto& [name, info] = *entry;
    if (info.begin < end) {
      throw ModelError(
          fmt::format("{}: {}", file, name),
          fmt::format("begins at byte {} of the data, inside tensor {}, which ends at {}", info.begin, *before, end));
    }
    if (info.begin > end) {
      throw ModelError(fmt::format("{}: {}", file, name),
                       fmt::format("begins at byte {} of the data, expected {}: no gap is allowed", info.begin, end));
    }
    end = info.end;
    before = &name;
  }
  if (end != data_size) {
    throw ModelError(file, fmt::format("{} bytes of data found, but the tensors end at {}", data_size, end));
  }
}

std::map<std::string, std::string> parse_metadata(const Json& entry, const std::string& where) {
  std::map<std::string, std::string> metadata;
  if (!entry.is_object()) throw ModelError(where, "expected an object of strings");
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) throw ModelError(where, fmt::format("{}: found {}, expected a string", key, value.dump()));
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(std::make_shared<const MappedFile>(path)) {
  const std::span<const std::byte> header = header_of(*file_);
  data_ = file_->bytes().subspan(kLengthBytes + header.size());
  const std::string where = path.string() + ": ";
  const Json entries = parse_header(*file_, header);
  for (const auto& [name, entry] : entries.items()) {
    if (name == "__metadata__") {
      metadata_ = parse_metadata(entry, where + name);
    } else {
      tensors_[name] = parse_info(entry, data_.size(), where + name);
    }
  }
  check_layout(tensors_, data_.size(), path.string());
}

const TensorInfo& SafetensorsFile::info(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw ModelError(path().string() + ": " + name, "no such tensor in the file");
  return found->second;
}

at::Tensor SafetensorsFile::view(uint64_t begin, at::ScalarType dtype, at::IntArrayRef shape) const {
  auto* data = const_cast<std::byte*>(data_.data() + begin);
  const at::TensorOptions options = at::TensorOptions().dtype(dtype);
  if (reinterpret_cast<uintptr_t>(data) % c10::elementSize(dtype) == 0) {
    return at::from_blob(
        data, shape, [file = file_](void*) {}, options);
  }
  at::Tensor copy = at::empty(shape, options);
  if (copy.nbytes() > 0) std::memcpy(copy.data_ptr(), data, copy.nbytes());
  return copy;
}

at::Tensor SafetensorsFile::tensor(const std::string& name) const {
  const TensorInfo& wanted = info(name);
  return view(wanted.begin, wanted.dtype, wanted.shape);
}

void SafetensorsFile::read(const std::string& name, const TakePiece& take) const {
  const TensorInfo& wanted = info(name);
  const uint64_t element = c10::elementSize(wanted.dtype);
  const auto n = static_cast<int64_t>((wanted.end - wanted.begin) / element);
  for (int64_t first = 0; first < n; first += kPieceElements) {
    const int64_t count = std::min(kPieceElements, n - first);
    const uint64_t begin = wanted.begin + static_cast<uint64_t>(first) * element;
    take(first, view(begin, wanted.dtype, {count}));
    file_->release(data_.subspan(begin, static_cast<uint64_t>(count) * element));
  }
}

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    if (header.contains(name)) throw SystemError(path.string() + ": two tensors named " + name);
    header[name]["dtype"] = safetensors_dtype_name(tensor.scalar_type());
    header[name]["shape"] = tensor.sizes().vec();
    header[name]["data_offsets"] = {offset, offset + tensor.nbytes()};
    offset += tensor.nbytes();
  }
  std::string text = header.dump();
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  const uint64_t length = text.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(text);
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor plain = tensor.to(at::kCPU).contiguous();
    file.write({static_cast<const std::byte*>(plain.const_data_ptr()), plain.nbytes()});
  }
  file.commit();
}

std::string safetensors_dtype_name(at::ScalarType dtype) {
  const auto known = std::ranges::find_if(kDtypes, [&](const NamedDtype& d) { return d.dtype == dtype; });
  if (known == kDtypes.end()) {
    throw InputError("safetensors", fmt::format("dtype: found {}, expected {}", c10::toString(dtype), kDtypeNames));
  }
  return known->name;
}

std::string shape_text(at::IntArrayRef shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace saesweep::model
