#include "autointerp/example_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/utf8.h"

namespace saesweep::autointerp {

namespace {

//! Builds the line so that << and >> stand in it for marks only.
class Line {
 public:
  void mark(char bracket) {
    part(bracket);
    text_ += std::string(2, bracket);
  }

  void add(std::string_view bytes) {
    for (const char character : valid_utf8(bytes)) add_character(character);
  }

  std::string take() { return std::move(text_); }

 private:
  void add_character(char character) {
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
