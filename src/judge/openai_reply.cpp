#include "judge/openai_reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "judge/told_tokens.h"

namespace saesweep::judge {

namespace {

constexpr size_t kQuotedBytes = 120;
constexpr size_t kMessageBytes = 300;

//! The text with the words NaN and Infinity, which Python's json writes, as JSON that has none: null, and a logprob
//! that OpenAI gives in place of minus infinity.
std::string without_python_numbers(std::string_view body) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kWords = {
      {{"-Infinity", "-9999"}, {"Infinity", "null"}, {"NaN", "null"}}};
  std::string out;
  bool is_text = false;
  for (size_t i = 0; i < body.size();) {
    const auto starts_here = [&](const auto& word) { return body.substr(i).starts_with(word.first); };
    const auto* word = is_text ? kWords.end() : std::find_if(kWords.begin(), kWords.end(), starts_here);
    if (word != kWords.end()) {
      out += word->second;
      i += word->first.size();
      continue;
    }
    if (body[i] == '"') is_text = !is_text;
    const size_t n = is_text && body[i] == '\\' && i + 1 < body.size() ? 2 : 1;
    out += body.substr(i, n);
    i += n;
  }
  return out;
}

//! Throws what a body is instead of JSON.
[[noreturn]] void refuse(const std::string& body, const ReplyJson::exception& error) {
  const auto* fault = dynamic_cast<const ReplyJson::parse_error*>(&error);
  const bool is_cut = fault != nullptr && fault->byte >= body.size();
  const bool is_text_fault = std::string_view(error.what()).find("ill-formed UTF-8") != std::string_view::npos;
  if (is_text_fault && !is_cut) throw UnusableReply("the reply is not UTF-8");
  throw TransportFault(fmt::format("the reply is {}: {}", is_cut ? "cut short" : "not JSON", beginning_of(body)));
}

ReplyJson parse(const std::string& body) {
  try {
    return ReplyJson::parse(body);
  } catch (const ReplyJson::parse_error&) {
    try {
      return ReplyJson::parse(without_python_numbers(body));
    } catch (const ReplyJson::exception& error) {
      refuse(body, error);
    }
  } catch (const ReplyJson::exception& error) {
    throw UnusableReply(fmt::format("the reply has a number out of range: {}", error.what()));
  }
}

const ReplyJson& first_choice(const ReplyJson& reply, const std::string& body) {
  if (!reply.is_object()) throw TransportFault("the reply is no JSON object: " + beginning_of(body));
  const ReplyJson& choices = field(reply, "choices");
  if (choices.is_array() && !choices.empty()) return choices.front();
  if (!field(reply, "error").is_null()) throw TransportFault("the server reports: " + error_message(body));
  throw UnusableReply("the reply has no choices: " + beginning_of(body));
}

//! A text, or the texts of a list of parts.
std::string text_of(const ReplyJson& content) {
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  if (!content.is_array()) return text;
  for (const ReplyJson& part : content) {
    if (field(part, "text").is_string()) text += part["text"].get<std::string>();
  }
  return text;
}

std::string answer_of(const ReplyJson& choice) {
  const ReplyJson& message = field(choice, "message");
  const std::string text = text_of(message.is_object() ? field(message, "content") : field(choice, "text"));
  if (!text.empty()) return text;
  const ReplyJson& refusal = field(message, "refusal");
  if (refusal.is_string()) throw UnusableReply("the model refuses: " + beginning_of(refusal.get<std::string>()));
  throw UnusableReply("the answer is empty");
}

bool have_candidates(const std::vector<ToldToken>& tokens) {
  return std::any_of(tokens.begin(), tokens.end(), [](const ToldToken& token) { return !token.candidates.empty(); });
}

std::vector<ReplyToken> tokens_of(const std::vector<ToldToken>& told, const std::string& text, bool is_last) {
  if (!have_candidates(told)) throw UnusableReply("the reply has no candidates of its tokens (top_logprobs)");
  auto tokens = align_tokens(told, text, is_last);
  if (!tokens) throw UnusableReply("the tokens of the logprobs do not make up the text: " + beginning_of(text));
  return *std::move(tokens);
}

Reply chat_reply(const JudgeOptions& options, const Request& request, const ReplyJson& choice) {
  Reply reply;
  reply.text = answer_of(choice);
  if (field(choice, "finish_reason") == "content_filter") throw UnusableReply("the server's filter cut the answer");
  if (request.logprobs && options.logprobs) {
    reply.tokens = tokens_of(told_tokens(field(choice, "logprobs")), reply.text, true);
  }
  return reply;
}

Reply prompt_reply(const JudgeOptions& options, const Request& request, const ReplyJson& whole,
                   const ReplyJson& choice) {
  if (options.prompt_logprobs == "echo") {
    return {request.prompt, tokens_of(told_tokens(field(choice, "logprobs")), request.prompt, false)};
  }
  const ReplyJson& here = field(choice, "prompt_logprobs");
  const ReplyJson& list = here.is_null() ? field(whole, "prompt_logprobs") : here;
  return {request.prompt, tokens_of(told_prompt_tokens(list), request.prompt, false)};
}

int64_t count_of(const ReplyJson& usage, const std::string& name) {
  const ReplyJson& count = field(usage, name);
  return count.is_number() && count >= 0 && count < 1e15 ? count.get<int64_t>() : 0;
}

}  // namespace

Reply parse_reply(const JudgeOptions& options, const Request& request, const std::string& body) {
  const ReplyJson whole = parse(body);
  const ReplyJson& choice = first_choice(whole, body);
  Reply reply = request.kind == Request::Kind::kChat ? chat_reply(options, request, choice)
                                                     : prompt_reply(options, request, whole, choice);
  reply.n_prompt_tokens = count_of(field(whole, "usage"), "prompt_tokens");
  reply.n_reply_tokens = count_of(field(whole, "usage"), "completion_tokens");
  return reply;
}

std::string error_message(const std::string& body) {
  const ReplyJson reply = ReplyJson::parse(body, nullptr, false);
  const ReplyJson& error = field(reply, "error");
  for (const ReplyJson* said : {&field(error, "message"), &error, &field(reply, "message"), &field(reply, "detail")}) {
    if (said->is_string()) return said->get<std::string>().substr(0, kMessageBytes);
  }
  return beginning_of(body);
}

bool is_filtered(const std::string& body) {
  const ReplyJson reply = ReplyJson::parse(body, nullptr, false);
  return field(field(reply, "error"), "code") == "content_filter";
}

std::string beginning_of(const std::string& text) {
  std::string begin = text.substr(0, kQuotedBytes);
  std::replace_if(
      begin.begin(), begin.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return fmt::format("'{}{}'", begin, text.size() > kQuotedBytes ? "..." : "");
}

}  // namespace saesweep::judge
