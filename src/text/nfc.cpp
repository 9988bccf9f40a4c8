#include "text/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/errors.h"
#include "base/utf8.h"
#include "text/unicode_tables.h"

namespace saesweep::text {

namespace {

//! The lead byte of U+0300, the first code point that NFC can change or compose with the one before it.
constexpr unsigned char kFirstLead = 0xCC;

bool is_later(uint32_t code_point) {
  const auto* const end = kLaterThanNormalizer.end();
  const auto* const range = std::lower_bound(kLaterThanNormalizer.begin(), end, code_point,
                                             [](const CodePoints& a, uint32_t value) { return a.last < value; });
  return range != end && range->first <= code_point;
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
