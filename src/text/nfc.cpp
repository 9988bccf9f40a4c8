#include "text/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "base/errors.h"
#include "text/utf8.h"

namespace saesweep::text {

namespace {

//! The lead byte of U+0300, the first code point that NFC can change or compose with the one before it.
constexpr unsigned char kFirstLead = 0xCC;

struct Range {
  uint32_t first;
  uint32_t last;
};

//! Marks and parts of composites that came after Unicode 9, whose tables Hugging Face tokenizers normalize with: to
//! them these are starters that compose with nothing. Whole blocks where the script itself is later.
constexpr std::array kLater = std::to_array<Range>({
    {0x07FD, 0x07FD},   {0x0897, 0x089F},   {0x08CA, 0x08D3},   {0x09FE, 0x09FE},   {0x0C3C, 0x0C3C},
    {0x0D3B, 0x0D3C},   {0x0EBA, 0x0EBA},   {0x1715, 0x1715},   {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},
    {0xA82C, 0xA82C},   {0x10D24, 0x10D27}, {0x10D69, 0x10D6D}, {0x10EAB, 0x10EAC}, {0x10EFC, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x11380, 0x113FF},
    {0x1145E, 0x1145E}, {0x11839, 0x1183A}, {0x11900, 0x1195F}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34},
    {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D45}, {0x11D97, 0x11D97}, {0x11F00, 0x11F5F},
    {0x16100, 0x1613F}, {0x16D40, 0x16D7F}, {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136},
    {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4D0, 0x1E4FF}, {0x1E5D0, 0x1E5FF},
});

bool is_later(uint32_t code_point) {
  const auto range = std::lower_bound(kLater.begin(), kLater.end(), code_point,
                                      [](const Range& a, uint32_t value) { return a.last < value; });
  return range != kLater.end() && range->first <= code_point;
}

bool may_change(char byte) {
  return static_cast<unsigned char>(byte) >= kFirstLead;
}

bool continues(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

void append_utf8proc(std::string_view part, std::string& out) {
  if (part.empty()) return;
  utf8proc_uint8_t* data = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(part.data()), static_cast<utf8proc_ssize_t>(part.size()),
                   &data, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(data, &std::free);
  if (length < 0) throw SystemError(std::string("utf8proc: ") + utf8proc_errmsg(length));
  out.append(reinterpret_cast<const char*>(data), static_cast<size_t>(length));
}

void append_normalized(std::string_view part, std::string& out) {
  size_t begin = 0;
  for (size_t i = 0; i < part.size();) {
    const size_t start = i;
    if (!is_later(next_code_point(part, i))) continue;
    append_utf8proc(part.substr(begin, start - begin), out);
    out.append(part, start, i - start);
    begin = i;
  }
  append_utf8proc(part.substr(begin), out);
}

}  // namespace

std::string_view nfc(std::string_view text, std::string& scratch) {
  size_t i = 0;
  while (i < text.size() && !may_change(text[i])) ++i;
  if (i == text.size()) return text;
  scratch.clear();
  scratch.reserve(text.size() + 16);
  size_t copied = 0;
  while (i < text.size()) {
    // A code point below U+0300 is a starter that composes with none before it: the text can be cut before it.
    size_t start = i;
    if (start > copied) {
      do --start;
      while (start > copied && continues(text[start]));
    }
    size_t end = i;
    while (end < text.size() && (may_change(text[end]) || continues(text[end]))) ++end;
    scratch.append(text, copied, start - copied);
    append_normalized(text.substr(start, end - start), scratch);
    copied = i = end;
    while (i < text.size() && !may_change(text[i])) ++i;
  }
  scratch.append(text, copied);
  return scratch;
}

}  // namespace saesweep::text
