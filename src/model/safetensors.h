#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"

namespace saesweep::model {

//! What the header of a safetensors file says of a tensor.
struct TensorInfo {
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
  //! Bytes [begin, end) of the file's data part.
  uint64_t begin = 0;
  uint64_t end = 0;
};

//! Tensors are read in pieces of at most this many elements.
inline constexpr int64_t kPieceElements = int64_t{1} << 20;

//! Takes a piece of a tensor: its elements from the one of number first on, flat, on the CPU.
using TakePiece = std::function<void(int64_t first, const at::Tensor& piece)>;

//! A safetensors file, memory-mapped. The header is checked when it is opened: every tensor's bytes lie in the
//! file, match shape and dtype, overlap no other's, and leave no byte over.
//! Format: https://huggingface.co/docs/safetensors (8 bytes header length, JSON header, data; little-endian).
//! Dtypes: F64, F32, F16, BF16, I64, I32, U8, BOOL. Thread-safe.
class SafetensorsFile {
 public:
  //! Throws ModelError naming file, tensor, what was found and what was expected.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_->path(); }
  const std::map<std::string, TensorInfo>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  //! A tensor on the CPU, row-major. It views the mapped file and keeps it mapped (a copy where the file holds it
  //! misaligned): never write into it. Throws ModelError where the file has no such tensor.
  at::Tensor tensor(const std::string& name) const;

  //! Hands a tensor to take in pieces of kPieceElements (the last may be smaller), row-major. A piece is valid during
  //! the call only: its pages leave memory after it, so that large tensors are read in little memory. Throws as above.
  void read(const std::string& name, const TakePiece& take) const;

 private:
  const TensorInfo& info(const std::string& name) const;
  //! A view of bytes of the data part, of the dtype and shape; a copy where they lie misaligned.
  at::Tensor view(uint64_t begin, at::ScalarType dtype, at::IntArrayRef shape) const;

  std::shared_ptr<const MappedFile> file_;
  std::span<const std::byte> data_;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
};

//! Tensors by name in the order they are written.
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

//! Writes a safetensors file: there whole, or not at all. Tensors may be on any device and in any layout.
//! Throws InputError for a dtype not listed above, OutputError and StoppedError as AtomicFile.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata = {});

//! The format's name of a dtype ("BF16"). Throws InputError for one it has no name for here.
std::string safetensors_dtype_name(at::ScalarType dtype);

//! "[4096, 128]".
std::string shape_text(at::IntArrayRef shape);

}  // namespace saesweep::model
