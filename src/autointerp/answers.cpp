#include "autointerp/answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "judge/judge.h"

namespace saesweep::autointerp {

namespace {

using judge::UnusableReply;

constexpr std::string_view kBlank = " \t\r\n";
//! What may stand around a number in its token.
constexpr std::string_view kAround = " \t\r\n[],\"'`";

std::string_view stripped(std::string_view text, std::string_view what) {
  const size_t first = text.find_first_not_of(what);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(what) - first + 1);
}

std::string beginning(std::string_view text) {
  constexpr size_t kShown = 60;
  std::string shown(text.substr(0, kShown));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text.size() <= kShown ? shown : shown + "...";
}

//! The whole number that text is, and nothing beside it.
std::optional<int> number_in(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

//! A number of an array and where it stands in the text.
struct Place {
  int number = 0;
  size_t begin = 0;
  size_t end = 0;
};

//! The numbers of the last [...] of text that holds whole numbers alone.
std::optional<std::vector<Place>> last_array(std::string_view text) {
  for (size_t close = text.rfind(']'); close != std::string_view::npos;
       close = close == 0 ? close : text.rfind(']', close - 1)) {
    const size_t open = text.rfind('[', close);
    if (open == std::string_view::npos) return std::nullopt;
    std::vector<Place> places;
    bool is_array = true;
    for (size_t from = open + 1; from <= close && is_array;) {
      const size_t end = std::min(text.find(',', from), close);
      const std::string_view item = stripped(text.substr(from, end - from), kBlank);
      const std::optional<int> number = number_in(item);
      is_array = number.has_value();
      const auto begin = static_cast<size_t>(item.data() - text.data());
      if (is_array) places.push_back({*number, begin, begin + item.size()});
      from = end + 1;
    }
    if (is_array && !places.empty()) return places;
    if (close == 0) break;
  }
  return std::nullopt;
}

std::string joined(const judge::Reply& reply) {
  std::string text;
  for (const judge::ReplyToken& token : reply.tokens) text += token.text;
  return text;
}

std::vector<Place> array_of(std::string_view text, size_t n) {
  std::optional<std::vector<Place>> places = last_array(text);
  if (!places) throw UnusableReply(fmt::format("no array of numbers in the reply \"{}\"", beginning(text)));
  if (places->size() != n) {
    throw UnusableReply(
        fmt::format("{} answers for {} examples in the reply \"{}\"", places->size(), n, beginning(text)));
  }
  return *std::move(places);
}

//! The tokens of a reply by the places of their texts.
class TokensByPlace {
 public:
  explicit TokensByPlace(const std::vector<judge::ReplyToken>& tokens) : tokens_(tokens) {
    size_t end = 0;
    for (const judge::ReplyToken& token : tokens) ends_.push_back(end += token.text.size());
  }

  //! The token that the character at `place` is in.
  const judge::ReplyToken& at(size_t place) const {
    const auto found = std::upper_bound(ends_.begin(), ends_.end(), place);
    return tokens_[static_cast<size_t>(found - ends_.begin())];
  }

 private:
  const std::vector<judge::ReplyToken>& tokens_;
  std::vector<size_t> ends_;
};

bool has_candidates(const judge::Reply& reply) {
  return std::any_of(reply.tokens.begin(), reply.tokens.end(),
                     [](const judge::ReplyToken& token) { return !token.candidates.empty(); });
}

//! Calls visit(number, probability) for the candidates that are whole numbers.
template <typename Visit>
void for_each_number(const judge::ReplyToken& token, Visit&& visit) {
  for (const judge::Candidate& candidate : token.candidates) {
    const std::optional<int> number = number_in(stripped(candidate.text, kAround));
    if (number) visit(*number, std::exp(candidate.logprob));
  }
}

Answer answer_at(const Place& place, const judge::ReplyToken& token) {
  double p0 = 0, p1 = 0;
  for_each_number(token, [&](int number, double probability) {
    if (number == 0) p0 += probability;
    if (number == 1) p1 += probability;
  });
  // A token of several answers says nothing of one of them.
  const bool is_alone = number_in(stripped(token.text, kAround)) == place.number;
  if (!is_alone || !(p0 + p1 > 0)) return {};
  return {static_cast<int8_t>(place.number), static_cast<float>(p1 / (p0 + p1))};
}

std::optional<double> expected_number(const judge::ReplyToken& token) {
  double sum = 0, weighted = 0;
  for_each_number(token, [&](int number, double probability) {
    if (number < 0 || number > 10) return;
    sum += probability;
    weighted += probability * number;
  });
  return sum > 0 ? std::optional(weighted / sum) : std::nullopt;
}

}  // namespace

std::string read_explanation(const judge::Reply& reply, const std::string& after) {
  std::string_view text = reply.text;
  if (!after.empty()) {
    const size_t found = text.rfind(after);
    if (found == std::string_view::npos) {
      throw UnusableReply(fmt::format("no \"{}\" in the reply \"{}\"", after, beginning(text)));
    }
    text.remove_prefix(found + after.size());
  }
  text = stripped(text, kBlank);
  text = stripped(text.substr(0, text.find('\n')), kBlank);
  if (text.empty()) throw UnusableReply("the reply holds no explanation");
  return std::string(text);
}

std::vector<Answer> read_classification(const judge::Reply& reply, size_t n, bool logprobs) {
  if (logprobs && !has_candidates(reply)) throw UnusableReply("the reply has no logprobs");
  const std::string text = logprobs ? joined(reply) : reply.text;
  const TokensByPlace tokens(reply.tokens);
  std::vector<Answer> answers;
  for (const Place& place : array_of(text, n)) {
    if (place.number != 0 && place.number != 1) {
      throw UnusableReply(fmt::format("the answer {}, expected 0 or 1", place.number));
    }
    answers.push_back(logprobs ? answer_at(place, tokens.at(place.begin))
                               : Answer{.answer = static_cast<int8_t>(place.number)});
  }
  return answers;
}

std::vector<double> read_simulation(const judge::Reply& reply, size_t n) {
  const bool with_candidates = has_candidates(reply);
  const std::string text = with_candidates ? joined(reply) : reply.text;
  const TokensByPlace tokens(reply.tokens);
  std::vector<double> numbers;
  for (const Place& place : array_of(text, n)) {
    if (place.number < 0 || place.number > 10) {
      throw UnusableReply(fmt::format("the activation {}, expected 0 to 10", place.number));
    }
    numbers.push_back(place.number);
    if (!with_candidates) continue;
    const judge::ReplyToken& token = tokens.at(place.begin);
    const bool is_alone = number_in(stripped(token.text, kAround)) == place.number;
    if (is_alone) numbers.back() = expected_number(token).value_or(place.number);
  }
  return numbers;
}

std::vector<double> read_simulation_prompt(const judge::Reply& reply, size_t n) {
  if (!has_candidates(reply)) throw UnusableReply("the reply has no logprobs of the prompt");
  const std::string text = joined(reply);
  std::vector<size_t> places;
  for (size_t at = text.find("\t?"); at != std::string::npos; at = text.find("\t?", at + 1)) places.push_back(at + 1);
  if (places.size() < n) {
    throw UnusableReply(
        fmt::format("{} places for activations in the prompt as it came back, expected {}", places.size(), n));
  }
  const TokensByPlace tokens(reply.tokens);
  std::vector<double> numbers;
  for (size_t i = places.size() - n; i < places.size(); ++i) {
    numbers.push_back(expected_number(tokens.at(places[i])).value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  return numbers;
}

}  // namespace saesweep::autointerp
