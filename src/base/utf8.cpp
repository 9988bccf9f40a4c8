#include "base/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/errors.h"

namespace saesweep {

namespace {

//! Length of the sequence that a lead byte opens; 0 for a byte that opens none.
size_t sequence_length(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

//! The least second byte after a lead byte, where the lead narrows it (overlong forms).
uint8_t least_second(uint8_t lead) {
  return lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
}

//! The greatest second byte after a lead byte (surrogates; beyond U+10FFFF).
uint8_t greatest_second(uint8_t lead) {
  return lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
}

bool is_sequence(const uint8_t* bytes, size_t length) {
  if (length >= 2 && (bytes[1] < least_second(bytes[0]) || bytes[1] > greatest_second(bytes[0]))) return false;
  for (size_t i = 2; i < length; ++i) {
    if ((bytes[i] & 0xC0) != 0x80) return false;
  }
  return true;
}

//! Bytes that text starts with which could begin a character, at least 1.
size_t torn_length(std::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const size_t length = std::min(sequence_length(bytes[0]), text.size());
  size_t n = 1;
  while (n < length && is_sequence(bytes, n + 1)) ++n;
  return n;
}

bool are_eight_ascii(const uint8_t* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return (word & 0x8080808080808080ULL) == 0;
}

}  // namespace

std::optional<size_t> find_invalid_utf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  size_t i = 0;
  while (i < text.size()) {
    if (i + 8 <= text.size() && are_eight_ascii(bytes + i)) {
      i += 8;
      continue;
    }
    const size_t length = sequence_length(bytes[i]);
    if (length == 0 || i + length > text.size() || !is_sequence(bytes + i, length)) return i;
    i += length;
  }
  return std::nullopt;
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  for (;;) {
    const std::optional<size_t> bad = find_invalid_utf8(text);
    valid += text.substr(0, bad.value_or(text.size()));
    if (!bad) return valid;
    valid += "\xEF\xBF\xBD";
    text.remove_prefix(*bad);
    text.remove_prefix(torn_length(text));
  }
}

TextPlace require_utf8(std::string_view text, const std::string& where, TextPlace begin) {
  const auto invalid = find_invalid_utf8(text);
  const size_t n = invalid.value_or(text.size());
  const auto n_lines = std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(n), '\n');
  const TextPlace place{begin.offset + n, begin.line + static_cast<uint64_t>(n_lines)};
  if (!invalid) return place;
  throw TextError(where,
                  fmt::format("is not UTF-8: byte 0x{:02x} at offset {} (line {}); convert the text, or exclude it",
                              static_cast<uint8_t>(text[n]), place.offset, place.line));
}

size_t whole_sequences(std::string_view text) {
  constexpr size_t kMostBytes = 4;
  for (size_t back = 1; back < kMostBytes && back <= text.size(); ++back) {
    const auto byte = static_cast<uint8_t>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    return sequence_length(byte) > back ? text.size() - back : text.size();
  }
  return text.size();
}

void append_utf8(uint32_t code_point, std::string& out) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code_point >> shift) & 0x3F)); };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xC0 | (code_point >> 6));
    tail(0);
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xE0 | (code_point >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | (code_point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

uint32_t next_code_point(std::string_view text, size_t& offset) {
  const auto lead = static_cast<uint8_t>(text[offset++]);
  if (lead < 0x80) return lead;
  const size_t n_more = sequence_length(lead) - 1;
  uint32_t code_point = lead & (0x3Fu >> n_more);
  for (size_t i = 0; i < n_more; ++i) code_point = (code_point << 6) | (static_cast<uint8_t>(text[offset++]) & 0x3F);
  return code_point;
}

}  // namespace saesweep
