#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace saesweep {

using Digest = std::array<uint8_t, 32>;

//! SHA-256 (FIPS 180-4) of bytes given in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  Sha256& update(std::span<const std::byte> bytes);
  Sha256& update(std::string_view text);
  //! Little-endian bytes of the number.
  Sha256& update(uint64_t number);
  //! The digest; no update may follow.
  Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest sha256(std::string_view text);

//! SHA-256 of a file's bytes, read in pieces. Throws InputError where it cannot be read.
Digest sha256_file(const std::filesystem::path& path);

//! Lower-case hex of the first n_bytes bytes.
std::string hex(const Digest& digest, size_t n_bytes = 32);

//! The first 8 bytes of a digest as a big-endian number.
uint64_t leading_number(const Digest& digest);

}  // namespace saesweep
