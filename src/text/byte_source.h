#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace saesweep::text {

//! The bytes of a file, read in pieces. Names that end in .gz (zlib, any number of members) and .zst (Zstandard, any
//! number of frames) are unpacked on the way. Move-only.
class ByteSource {
 public:
  //! From byte `begin` on, which must be 0 for a packed file. Throws TextError where the file cannot be read.
  explicit ByteSource(const std::filesystem::path& path, uint64_t begin = 0);
  ~ByteSource();
  ByteSource(ByteSource&&) noexcept;
  ByteSource& operator=(ByteSource&&) noexcept;

  //! Fills out from its front: as many bytes as there are, fewer than asked for only at the end. Throws TextError
  //! where the packed data is damaged or cut short.
  size_t read(std::span<char> out);

 private:
  class Reader;
  class PlainReader;
  class GzipReader;
  class ZstdReader;
  std::unique_ptr<Reader> reader_;
};

//! The ending of a file's name, in lower case.
std::string lower_case(std::string ending);

//! Whether the file's name says that it is packed.
bool is_packed(const std::filesystem::path& path);

}  // namespace saesweep::text
