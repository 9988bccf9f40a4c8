#include "judge/told_tokens.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "judge/judge.h"

namespace saesweep::judge {

namespace {

//! Rounding in half precision gives sure tokens logprobs a little above 0.
constexpr double kMostAboveZero = 1e-2;

double logprob_of(const ReplyJson& value) {
  if (!value.is_number()) throw UnusableReply("a logprob is no number: " + value.dump());
  const double logprob = value.get<double>();
  if (!std::isfinite(logprob) || logprob > kMostAboveZero) {
    throw UnusableReply("a logprob is no logarithm of a probability: " + value.dump());
  }
  return std::min(logprob, 0.0);
}

std::string text_of(const ReplyJson& token) {
  if (!token.is_string()) throw UnusableReply("a token of the logprobs has no text");
  return token.get<std::string>();
}

//! The text, unless it stands for bytes that are no text (U+FFFD, and "bytes:\xf0" of OpenAI's completions).
std::optional<std::string> exact(const std::string& text) {
  if (text.starts_with("bytes:") || text.find("\xEF\xBF\xBD") != std::string::npos) return std::nullopt;
  return text;
}

//! The text of a field "bytes", where there is one.
std::optional<std::string> text_of_bytes(const ReplyJson& entry) {
  const ReplyJson& bytes = field(entry, "bytes");
  if (!bytes.is_array() || bytes.empty()) return std::nullopt;
  std::string text;
  for (const ReplyJson& byte : bytes) {
    if (!byte.is_number_integer() || byte < 0 || byte > 255) return std::nullopt;
    text += static_cast<char>(byte.get<int>());
  }
  return text;
}

Candidate chat_candidate(const ReplyJson& entry) {
  const auto text = text_of_bytes(entry);
  return {text ? *text : text_of(field(entry, "token")), logprob_of(field(entry, "logprob"))};
}

void add_chosen(std::vector<Candidate>& candidates, const Candidate& chosen) {
  const auto is_chosen = [&](const Candidate& candidate) { return candidate.text == chosen.text; };
  if (std::none_of(candidates.begin(), candidates.end(), is_chosen)) candidates.push_back(chosen);
  const auto is_likelier = [](const Candidate& a, const Candidate& b) { return a.logprob > b.logprob; };
  std::stable_sort(candidates.begin(), candidates.end(), is_likelier);
}

ToldToken chat_token(const ReplyJson& entry) {
  const Candidate chosen = chat_candidate(entry);
  ToldToken token{text_of_bytes(entry) ? chosen.text : exact(chosen.text), {}};
  const ReplyJson& top = field(entry, "top_logprobs");
  if (!top.is_array() || top.empty()) return token;
  for (const ReplyJson& candidate : top) token.candidates.push_back(chat_candidate(candidate));
  add_chosen(token.candidates, chosen);
  return token;
}

std::vector<ToldToken> chat_tokens(const ReplyJson& content) {
  std::vector<ToldToken> tokens;
  for (const ReplyJson& entry : content) tokens.push_back(chat_token(entry));
  return tokens;
}

//! Item i of a list that may be missing or shorter, or null.
const ReplyJson& item(const ReplyJson& list, size_t i) {
  static const ReplyJson null;
  return list.is_array() && i < list.size() ? list[i] : null;
}

ToldToken completion_token(const ReplyJson& logprobs, size_t i) {
  const std::string text = text_of(field(logprobs, "tokens")[i]);
  ToldToken token{exact(text), {}};
  const ReplyJson& top = item(field(logprobs, "top_logprobs"), i);
  if (!top.is_object() || top.empty()) return token;  // the first token of a prompt
  for (const auto& [candidate, logprob] : top.items()) token.candidates.push_back({candidate, logprob_of(logprob)});
  const ReplyJson& own = item(field(logprobs, "token_logprobs"), i);
  add_chosen(token.candidates, own.is_null() ? token.candidates.front() : Candidate{text, logprob_of(own)});
  return token;
}

std::vector<ToldToken> completion_tokens(const ReplyJson& logprobs) {
  std::vector<ToldToken> tokens;
  for (size_t i = 0; i < field(logprobs, "tokens").size(); ++i) tokens.push_back(completion_token(logprobs, i));
  return tokens;
}

ToldToken prompt_token(const ReplyJson& entry) {
  if (entry.is_null() || entry.empty()) return {};  // nothing stands before the first
  if (!entry.is_object()) throw UnusableReply("prompt_logprobs has entries that are no objects");
  ToldToken token;
  for (const auto& [id, candidate] : entry.items()) {
    const ReplyJson& text = field(candidate, "decoded_token");
    const double logprob = logprob_of(field(candidate, "logprob"));
    if (token.candidates.empty() && text.is_string()) token.text = exact(text.get<std::string>());
    token.candidates.push_back({text.is_string() ? text.get<std::string>() : "", logprob});
  }
  add_chosen(token.candidates, token.candidates.front());
  return token;
}

}  // namespace

const ReplyJson& field(const ReplyJson& object, const std::string& name) {
  static const ReplyJson null;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : null;
}

std::vector<ToldToken> told_tokens(const ReplyJson& logprobs) {
  if (field(logprobs, "content").is_array()) return chat_tokens(logprobs["content"]);
  if (field(logprobs, "tokens").is_array()) return completion_tokens(logprobs);
  throw UnusableReply("the reply has no logprobs");
}

std::vector<ToldToken> told_prompt_tokens(const ReplyJson& prompt_logprobs) {
  if (!prompt_logprobs.is_array()) throw UnusableReply("the reply has no prompt_logprobs");
  std::vector<ToldToken> tokens;
  for (const ReplyJson& entry : prompt_logprobs) tokens.push_back(prompt_token(entry));
  return tokens;
}

}  // namespace saesweep::judge
