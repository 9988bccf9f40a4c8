#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace saesweep::test {

//! Tokens as a byte-pair tokenizer cuts them: with the blank before them; long rare words in parts.
class TokenizedText {
 public:
  static constexpr size_t kWindow = 32;
  using Window = std::vector<std::string>;

  TokenizedText() {
    namespace fs = std::filesystem;
    // Debian's perl-doc is long enough; the project's own pages are what every checkout has.
    const fs::path pods = "/usr/share/perl/5.36.0/pod";
    std::set<fs::path> files;
    for (const auto& entry : fs::directory_iterator(fs::exists(pods) ? pods : fs::path("docs"))) {
      if (entry.is_regular_file()) files.insert(entry.path());
    }
    std::string text;
    for (const auto& file : files) {
      if (file.extension() != ".pod" && file.extension() != ".md") continue;
      std::stringstream content;
      content << std::ifstream(file, std::ios::binary).rdbuf();
      // The first pages of each are enough, and of many kinds.
      text += content.str().substr(0, 16'000);
      if (text.size() > 2'000'000) break;
    }
    cut(text);
  }

  const std::vector<Window>& windows() const { return windows_; }

 private:
  static bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
  static bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

  void cut(const std::string& text) {
    std::vector<std::string> words;
    for (size_t at = 0; at < text.size();) {
      const size_t start = at;
      if (text[at] == ' ' && at + 1 < text.size() && text[at + 1] > ' ') ++at;
      const auto kind = is_letter(text[at]) ? is_letter : is_digit(text[at]) ? is_digit : nullptr;
      const char first = text[at++];
      while (at < text.size() && (kind != nullptr ? kind(text[at]) : text[at] == first)) ++at;
      if (static_cast<unsigned char>(first) < 0x80) words.push_back(text.substr(start, at - start));
    }
    std::map<std::string, int> n_of;
    for (const auto& word : words) ++n_of[word];
    for (const auto& word : words) add(word, n_of[word] >= 40);
  }

  void add(const std::string& word, bool is_frequent) {
    if (is_frequent || word.size() < 5 || !is_letter(word.back())) return add(word);
    // Always at the same place.
    const size_t place = 2 + std::hash<char>()(word[2]) % (word.size() - 3);
    add(word.substr(0, place));
    add(word.substr(place));
  }

  void add(std::string token) {
    if (windows_.empty() || windows_.back().size() == kWindow) windows_.emplace_back();
    windows_.back().push_back(std::move(token));
  }

  std::vector<Window> windows_;
};

//! Fires on a token, given the window and its place there.
using PlantedLatent = std::function<bool(const TokenizedText::Window&, size_t window, size_t place)>;

//! A window and which of its tokens are marked.
struct MarkedWindow {
  const TokenizedText::Window* window = nullptr;
  std::vector<bool> is_marked;

  bool fires() const {
    for (const bool m : is_marked) {
      if (m) return true;
    }
    return false;
  }
};

inline std::string escaped(const std::string& token) {
  std::string out;
  for (const char c : token) {
    if ((c == '<' || c == '>') && !out.empty() && out.back() == c) out += ' ';
    out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\r' ? "\\r" : std::string(1, c);
  }
  return out;
}

//! As prompts have it.
inline std::string line_of(const MarkedWindow& marked, bool with_marks) {
  std::string out;
  bool is_open = false;
  for (size_t i = 0; i < marked.window->size(); ++i) {
    const bool is_marked = with_marks && marked.is_marked[i];
    if (is_marked != is_open) out += is_marked ? "<<" : ">>";
    is_open = is_marked;
    out += escaped((*marked.window)[i]);
  }
  return out + (is_open ? ">>" : "");
}

//! What is shown of a latent.
struct LatentExamples {
  std::vector<std::string> explainer;
  //! Half of them right.
  std::vector<std::string> fuzzing;
  std::vector<bool> is_right;
  //! Half of them firing.
  std::vector<std::string> detection;
  std::vector<bool> is_firing;
  //! Firing windows that stand in none of the above.
  std::vector<MarkedWindow> simulation;
};

//! Draws n_explainer examples to explain and n_scorer to judge of either kind; empty where the latent fires too rarely.
//! A wrong example's mask comes from a right one and lies on silent tokens, of a silent window or of a firing one.
class ExampleDrawer {
 public:
  ExampleDrawer(const TokenizedText& text, const PlantedLatent& latent, uint64_t seed) : random_(seed) {
    for (size_t w = 0; w < text.windows().size(); ++w) {
      const auto& window = text.windows()[w];
      MarkedWindow marked{&window, {}};
      for (size_t i = 0; i < window.size(); ++i) marked.is_marked.push_back(latent(window, w, i));
      (marked.fires() ? firing_ : silent_).push_back(std::move(marked));
    }
    std::shuffle(firing_.begin(), firing_.end(), random_);
    std::shuffle(silent_.begin(), silent_.end(), random_);
  }

  bool is_enough(size_t n_explainer, size_t n_scorer) const {
    return firing_.size() >= n_explainer + 2 * n_scorer && silent_.size() >= 2 * n_scorer;
  }

  LatentExamples draw(size_t n_explainer, size_t n_scorer) {
    LatentExamples out;
    for (size_t i = 0; i < n_explainer; ++i) out.explainer.push_back(line_of(firing_[i], true));
    for (size_t i = 0; i < n_scorer; ++i) {
      const auto& right = firing_[n_explainer + i];
      const auto& wrong_in = i % 2 == 0 ? silent_ : firing_;
      add(out.fuzzing, out.is_right, line_of(right, true), true);
      add(out.fuzzing, out.is_right, wrong_line(right, wrong_in, n_explainer + n_scorer), false);
      add(out.detection, out.is_firing, line_of(right, false), true);
      add(out.detection, out.is_firing, line_of(silent_[i], false), false);
    }
    for (size_t i = n_explainer + n_scorer; i < firing_.size() && out.simulation.size() < 5; ++i) {
      out.simulation.push_back(firing_[i]);
    }
    return out;
  }

 private:
  static void add(std::vector<std::string>& lines, std::vector<bool>& truths, std::string line, bool truth) {
    lines.push_back(std::move(line));
    truths.push_back(truth);
  }

  std::string wrong_line(const MarkedWindow& right, const std::vector<MarkedWindow>& from, size_t first) {
    for (int attempt = 0; attempt < 200; ++attempt) {
      const auto& other = from[first % from.size() + random_() % (from.size() - first % from.size())];
      bool is_silent = right.is_marked.size() <= other.is_marked.size();
      for (size_t i = 0; is_silent && i < right.is_marked.size(); ++i) {
        is_silent = !(right.is_marked[i] && other.is_marked[i]);
      }
      if (is_silent) return line_of({other.window, right.is_marked}, true);
    }
    return wrong_line(right, silent_, 0);
  }

  std::mt19937_64 random_;
  std::vector<MarkedWindow> firing_;
  std::vector<MarkedWindow> silent_;
};

}  // namespace saesweep::test
