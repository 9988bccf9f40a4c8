#include "toy/embeddings.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "base/errors.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "model/checkpoint.h"
#include "model/parameters.h"
#include "model/source.h"
#include "text/line_reader.h"

namespace saesweep::toy {

namespace {

//! A row must have spread to be standardized.
constexpr int64_t kLeastNumbers = 2;
//! Bytes of what is no number.
constexpr size_t kLongestShown = 40;

std::string hash_of(const at::Tensor& rows) {
  Sha256 hash;
  hash.update(static_cast<uint64_t>(rows.size(0))).update(static_cast<uint64_t>(rows.size(1)));
  hash.update(std::as_bytes(std::span(rows.const_data_ptr<float>(), static_cast<size_t>(rows.numel()))));
  return hex(hash.finish());
}

[[noreturn]] void refuse(const std::filesystem::path& path, uint64_t line, const std::string& problem) {
  throw TextError(fmt::format("{}:{}", path.string(), line), problem);
}

//! A piece of a line for a message, which may come from a file that is no text.
std::string shown(std::string_view piece) {
  std::string text = valid_utf8(piece.substr(0, kLongestShown));
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < ' ' || c == 0x7F; }, '?');
  // Terminals take U+0080 to U+009F for commands, too.
  for (size_t i = text.find('\xC2'); i != std::string::npos; i = text.find('\xC2', i + 1)) {
    if (static_cast<unsigned char>(text[i + 1]) < 0xA0) text.replace(i, 2, "?");
  }
  return piece.size() > kLongestShown ? text + "..." : text;
}

//! Appends the numbers after the word; returns how many.
int64_t read_numbers(const std::filesystem::path& path, uint64_t number, std::string_view line,
                     std::vector<float>& values) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const size_t word = line.find(' ');
  const char* place = line.data() + (word == std::string_view::npos ? line.size() : word);
  const char* const end = line.data() + line.size();
  int64_t n = 0;
  while (place != end) {
    while (place != end && *place == ' ') ++place;
    if (place == end) break;
    const char* const stop = std::find(place, end, ' ');
    float value = 0;
    const auto [rest, error] = std::from_chars(place, stop, value);
    if (error != std::errc() || rest != stop || !std::isfinite(value)) {
      refuse(path, number,
             fmt::format("found '{}' as number {}, expected a word and finite numbers apart by spaces (of a checkpoint "
                         "give the folder)",
                         shown({place, stop}), n + 1));
    }
    values.push_back(value);
    place = stop;
    ++n;
  }
  return n;
}

bool is_text_ending(const std::filesystem::path& ending) {
  return ending == ".txt" || ending == ".gz" || ending == ".zst";
}

Embeddings read_glove(const std::filesystem::path& path) {
  text::LineReader lines(text::ByteSource(path), 0);
  std::vector<float> values;
  int64_t d = 0;
  while (const auto line = lines.next()) {
    if (line->empty()) continue;
    const int64_t n = read_numbers(path, lines.number(), *line, values);
    if (d == 0) d = n;
    if (n < kLeastNumbers || n != d) {
      refuse(path, lines.number(),
             fmt::format("found {} numbers after the word, expected {}", n,
                         d < kLeastNumbers || d == n ? "at least 2" : fmt::format("{} as in the first line", d)));
    }
  }
  if (d == 0) throw TextError(path.string(), "is empty, expected a word and its numbers a line");
  const auto n = static_cast<int64_t>(values.size()) / d;
  Embeddings made{.rows = at::empty({n, d}, at::kFloat)};
  std::copy(values.begin(), values.end(), made.rows.mutable_data_ptr<float>());
  std::filesystem::path name = path.filename();
  while (is_text_ending(name.extension())) name = name.stem();
  made.name = name;
  return made;
}

Embeddings read_checkpoint(const std::string& given) {
  const model::ModelSource source = model::find_model(given);
  if (source.weights.empty()) {
    throw ModelError(given, "has no weights, whose input embedding is asked for; give a checkpoint's folder");
  }
  const model::Checkpoint checkpoint(source.weights);
  const at::Tensor rows = checkpoint.tensor(model::kEmbeddingName, at::kFloat).contiguous();
  const auto* values = rows.const_data_ptr<float>();
  if (!std::all_of(values, values + rows.numel(), [](float value) { return std::isfinite(value); })) {
    throw ModelError(given, "its input embedding has numbers that are not finite");
  }
  return {.name = source.name, .rows = rows};
}

}  // namespace

Embeddings read_embeddings(const std::string& given) {
  const std::filesystem::path path = given;
  const bool is_text =
      is_text_ending(path.extension()) || (std::filesystem::is_regular_file(path) && path.extension() != ".json");
  Embeddings made = is_text ? read_glove(path) : read_checkpoint(given);
  made.hash = hash_of(made.rows);
  return made;
}

}  // namespace saesweep::toy
