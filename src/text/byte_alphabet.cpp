#include "text/byte_alphabet.h"

#include <array>

#include "base/utf8.h"

namespace saesweep::text {

namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

//! Byte by code point, -1 for none.
constexpr std::array<int16_t, 512> make_alphabet() {
  std::array<int16_t, 512> bytes{};
  for (auto& byte : bytes) byte = -1;
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) bytes[stands_for_itself(byte) ? byte : next++] = static_cast<int16_t>(byte);
  return bytes;
}

constexpr auto kBytes = make_alphabet();

}  // namespace

std::optional<std::string> bytes_of(std::string_view word) {
  std::string bytes;
  for (size_t i = 0; i < word.size();) {
    const uint32_t code_point = next_code_point(word, i);
    if (code_point >= kBytes.size() || kBytes[code_point] < 0) return std::nullopt;
    bytes += static_cast<char>(kBytes[code_point]);
  }
  return bytes;
}

}  // namespace saesweep::text
