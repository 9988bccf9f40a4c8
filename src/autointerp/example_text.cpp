#include "autointerp/example_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace saesweep::autointerp {

namespace {

//! Bytes of the character that text starts with; 0 where it starts with none (RFC 3629).
size_t character_bytes(std::string_view text) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0; };
  const auto follows = [&](size_t n) {
    for (size_t i = 1; i <= n; ++i) {
      if ((at(i) & 0xC0) != 0x80) return false;
    }
    return true;
  };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  const bool is_overlong = (first == 0xE0 && at(1) < 0xA0) || (first == 0xF0 && at(1) < 0x90);
  const bool is_beyond = (first == 0xED && at(1) > 0x9F) || (first == 0xF4 && at(1) > 0x8F);
  if (is_overlong || is_beyond) return 0;
  if (first >= 0xE0 && first <= 0xEF) return follows(2) ? 3 : 0;
  if (first >= 0xF0 && first <= 0xF4) return follows(3) ? 4 : 0;
  return 0;
}

//! Builds the line so that << and >> stand in it for marks only.
class Line {
 public:
  void mark(char bracket) {
    part(bracket);
    text_ += std::string(2, bracket);
  }

  void add(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t n = character_bytes(bytes);
      if (n == 1) {
        add_plain(bytes[0]);
      } else {
        text_ += n == 0 ? "\xEF\xBF\xBD" : bytes.substr(0, n);
      }
      bytes.remove_prefix(std::max<size_t>(n, 1));
    }
  }

  std::string take() { return std::move(text_); }

 private:
  void add_plain(char character) {
    if (character == '\n') {
      text_ += "\\n";
    } else if (character == '\t') {
      text_ += "\\t";
    } else if (character == '\r') {
      text_ += "\\r";
    } else {
      if (character == '<' || character == '>') part(character);
      text_ += character == '\0' ? ' ' : character;
    }
  }
  void part(char bracket) {
    if (!text_.empty() && text_.back() == bracket) text_ += ' ';
  }

  std::string text_;
};

bool is_marked(Marks marks, size_t token) {
  return (marks >> token & 1) != 0;
}

}  // namespace

Marks marks_of(const Window& window, double threshold) {
  const double least = threshold * peak_of(window);
  Marks marks = 0;
  for (size_t i = 0; i < window.activations.size(); ++i) {
    if (window.activations[i] > 0 && window.activations[i] > least) marks |= Marks{1} << i;
  }
  return marks;
}

std::string example_text(const Window& window, Marks marks, const TokenText& token_text) {
  Line line;
  const size_t n = window.ids.size();
  for (size_t i = 0; i < n;) {
    // Runs are joined before they are read as characters, which may be made of several tokens.
    const bool marked = is_marked(marks, i);
    std::string run;
    for (; i < n && is_marked(marks, i) == marked; ++i) run += token_text(window.ids[i]);
    if (marked) line.mark('<');
    line.add(run);
    if (marked) line.mark('>');
  }
  return line.take();
}

std::string activations_text(const Window& window, Marks marks, float greatest, const TokenText& token_text) {
  std::string text;
  for (size_t i = 0; i < window.ids.size(); ++i) {
    if (!is_marked(marks, i)) continue;
    const double share = static_cast<double>(window.activations[i]) / greatest;
    const auto strength = std::clamp<int64_t>(static_cast<int64_t>(std::ceil(10 * share)), 1, 10);
    text += fmt::format("{}\"{}\" {}", text.empty() ? "" : ", ", token_line(token_text(window.ids[i])), strength);
  }
  return text;
}

std::string token_line(std::string_view bytes) {
  Line line;
  line.add(bytes);
  return line.take();
}

}  // namespace saesweep::autointerp
