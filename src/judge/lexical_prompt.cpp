#include "judge/lexical_prompt.h"

#include <algorithm>

namespace saesweep::judge {
namespace {

using Task = LexicalQuestion::Task;

constexpr std::string_view kExplanation = "Explanation:";
constexpr std::string_view kExample = "Example ";
constexpr std::string_view kTokens = "Tokens";
constexpr std::string_view kUnknownActivation = "\t?";

//! Takes the first line off a text.
std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

size_t n_digits(std::string_view text) {
  return std::min(text.find_first_not_of("0123456789"), text.size());
}

//! What follows "Example N: "; null where the line is none.
std::string_view example_of(std::string_view line) {
  if (!line.starts_with(kExample)) return {};
  line.remove_prefix(kExample.size());
  const size_t n = n_digits(line);
  return n > 0 && line.substr(n).starts_with(": ") ? line.substr(n + 2) : std::string_view();
}

bool is_example(std::string_view line) {
  return example_of(line).data() != nullptr;
}

//! A token without the number and tab before it.
std::string_view token_of(std::string_view line) {
  const size_t n = n_digits(line);
  return n > 0 && n < line.size() && line[n] == '\t' ? line.substr(n + 1) : line;
}

//! The place behind a line that begins with "Explanation:"; npos where there is none.
size_t explanation_start(std::string_view text, bool is_last) {
  size_t at = is_last ? text.rfind(kExplanation) : text.find(kExplanation);
  while (at != std::string_view::npos && at > 0 && text[at - 1] != '\n') {
    at = is_last ? text.rfind(kExplanation, at - 1) : text.find(kExplanation, at + 1);
  }
  return at == std::string_view::npos ? at : at + kExplanation.size();
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \n") - first + 1);
}

//! Takes the explanation off a text: up to an empty line, an example or the tokens.
std::string_view take_explanation(std::string_view& text) {
  const char* start = text.data();
  while (!text.empty()) {
    auto rest = text;
    const auto line = take_line(rest);
    const bool is_first = text.data() == start;
    if (!is_first && (line.empty() || line.starts_with(kTokens) || is_example(line))) break;
    text = rest;
  }
  return trimmed({start, static_cast<size_t>(text.data() - start)});
}

std::vector<std::string_view> examples_of(std::string_view text) {
  std::vector<std::string_view> examples;
  while (!text.empty()) {
    const auto line = take_line(text);
    if (is_example(line)) examples.push_back(example_of(line));
  }
  return examples;
}

std::vector<std::string_view> tokens_of(std::string_view text) {
  std::vector<std::string_view> tokens;
  bool has_begun = false;
  while (!text.empty()) {
    const auto line = take_line(text);
    if (has_begun && line.empty()) break;
    if (has_begun) tokens.push_back(token_of(line));
    has_begun |= line.starts_with(kTokens);
  }
  return tokens;
}

std::vector<std::string_view> asked_tokens_of(std::string_view text) {
  std::vector<std::string_view> tokens;
  while (!text.empty()) {
    auto line = take_line(text);
    if (!line.ends_with(kUnknownActivation)) continue;
    line.remove_suffix(kUnknownActivation.size());
    tokens.push_back(line);
  }
  return tokens;
}

LexicalQuestion read_prompt(std::string_view text) {
  const size_t start = explanation_start(text, true);
  if (start == std::string_view::npos) return {};
  text.remove_prefix(start);
  const auto explanation = take_explanation(text);
  return {Task::kSimulation, explanation, asked_tokens_of(text)};
}

LexicalQuestion read_scoring(std::string_view text) {
  LexicalQuestion question{.explanation = take_explanation(text), .texts = examples_of(text)};
  if (question.texts.empty()) {
    question.texts = tokens_of(text);
    if (!question.texts.empty()) question.task = Task::kSimulation;
    return question;
  }
  const bool has_marks = std::any_of(question.texts.begin(), question.texts.end(),
                                     [](auto example) { return example.find("<<") != std::string_view::npos; });
  question.task = has_marks ? Task::kFuzzing : Task::kDetection;
  return question;
}

}  // namespace

LexicalQuestion read_question(const Request& request) {
  if (request.kind == Request::Kind::kPrompt) return read_prompt(request.prompt);
  const auto last =
      std::find_if(request.messages.rbegin(), request.messages.rend(), [](const auto& m) { return m.role == "user"; });
  if (last == request.messages.rend()) return {};
  std::string_view text = last->content;
  const size_t start = explanation_start(text, false);
  if (start != std::string_view::npos) return read_scoring(text.substr(start));
  LexicalQuestion question{.texts = examples_of(text)};
  if (!question.texts.empty()) question.task = Task::kExplanation;
  return question;
}

}  // namespace saesweep::judge
