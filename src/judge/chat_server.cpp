#include "judge/chat_server.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/json.h"
#include "judge/chat.h"
#include "judge/lexical_reply.h"

namespace saesweep::judge {

namespace {

constexpr int64_t kMostCandidates = 20;
constexpr int64_t kDefaultTokens = 1024;
constexpr const char* kModel = "lexical";

class BadBody : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

http::ServerReply json_reply(int status, const Json& body) {
  return {.status = status, .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

http::ServerReply error_reply(int status, const std::string& message) {
  return json_reply(status, {{"error", {{"message", message}, {"type", "invalid_request_error"}}}});
}

//! The field where it is there and of that type.
template <typename T>
T field(const Json& body, const char* name, const T& fallback) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return fallback;
  try {
    return found->get<T>();
  } catch (const Json::exception&) {
    throw BadBody(std::string("'") + name + "' is of the wrong type: " + found->dump());
  }
}

std::string content_of(const Json& message) {
  const Json& content = message.at("content");
  if (content.is_string()) return content;
  std::string text;
  for (const Json& part : content) text += part.at("text").get<std::string>();
  return text;
}

Request chat_request(const Json& body) {
  Request request;
  try {
    for (const Json& message : body.at("messages"))
      request.messages.push_back({message.at("role"), content_of(message)});
  } catch (const Json::exception&) {
    throw BadBody("'messages' is to be an array of {\"role\": ..., \"content\": ...}");
  }
  if (request.messages.empty()) throw BadBody("'messages' is empty");
  const auto most = field<int64_t>(body, "max_completion_tokens", kDefaultTokens);
  request.max_tokens = field<int64_t>(body, "max_tokens", most);
  if (request.max_tokens < 1) throw BadBody("'max_tokens' is to be at least 1");
  request.logprobs = field(body, "logprobs", false);
  return request;
}

//! The n likeliest candidates of a token.
std::vector<Candidate> likeliest(std::vector<Candidate> candidates, int64_t n) {
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.logprob > b.logprob; });
  candidates.resize(std::min(candidates.size(), static_cast<size_t>(n)));
  return candidates;
}

//! Of the token itself; 0 where there was no other.
double logprob_of(const ReplyToken& token) {
  for (const Candidate& candidate : token.candidates) {
    if (candidate.text == token.text) return candidate.logprob;
  }
  return 0;
}

Json token_json(const std::string& text, double logprob) {
  const std::vector<uint8_t> bytes(text.begin(), text.end());
  return {{"token", text}, {"logprob", logprob}, {"bytes", bytes}};
}

Json chat_logprobs(const std::vector<ReplyToken>& tokens, int64_t n_candidates) {
  Json content = Json::array();
  for (const ReplyToken& token : tokens) {
    Json one = token_json(token.text, logprob_of(token));
    one["top_logprobs"] = Json::array();
    for (const Candidate& candidate : likeliest(token.candidates, n_candidates)) {
      one["top_logprobs"].push_back(token_json(candidate.text, candidate.logprob));
    }
    content.push_back(std::move(one));
  }
  return {{"content", std::move(content)}};
}

Json usage_of(const Reply& reply) {
  return {{"prompt_tokens", reply.n_prompt_tokens},
          {"completion_tokens", reply.n_reply_tokens},
          {"total_tokens", reply.n_prompt_tokens + reply.n_reply_tokens}};
}

Json envelope(const char* object, const Json& body, Json choice, const Reply& reply) {
  return {{"id", "lexical"},
          {"object", object},
          {"created", 0},
          {"model", field<std::string>(body, "model", kModel)},
          {"choices", Json::array({std::move(choice)})},
          {"usage", usage_of(reply)}};
}

http::ServerReply chat(const Json& body) {
  const Request request = chat_request(body);
  const auto n_candidates = field<int64_t>(body, "top_logprobs", 0);
  if (n_candidates < 0 || n_candidates > kMostCandidates) throw BadBody("'top_logprobs' is to be from 0 to 20");
  Reply reply = lexical_reply(request);
  const bool is_cut = static_cast<int64_t>(reply.tokens.size()) > request.max_tokens;
  if (is_cut) {
    reply.tokens.resize(static_cast<size_t>(request.max_tokens));
    reply.n_reply_tokens = request.max_tokens;
    reply.text.clear();
    for (const ReplyToken& token : reply.tokens) reply.text += token.text;
  }
  Json choice = {{"index", 0},
                 {"message", {{"role", "assistant"}, {"content", reply.text}}},
                 {"finish_reason", is_cut ? "length" : "stop"},
                 {"logprobs", nullptr}};
  if (request.logprobs) choice["logprobs"] = chat_logprobs(reply.tokens, n_candidates);
  return json_reply(200, envelope("chat.completion", body, std::move(choice), reply));
}

http::ServerReply completion(const Json& body) {
  Request request;
  request.kind = Request::Kind::kPrompt;
  request.prompt = field<std::string>(body, "prompt", "");
  request.logprobs = true;
  const auto n_candidates = field<int64_t>(body, "logprobs", 0);
  if (request.prompt.empty()) throw BadBody("'prompt' is to be a text");
  if (!field(body, "echo", false)) throw BadBody("only the logprobs of a prompt are served here: 'echo' is to be true");
  if (n_candidates < 0 || n_candidates > kMostCandidates) throw BadBody("'logprobs' is to be from 0 to 20");
  const Reply reply = lexical_reply(request);
  Json tokens = Json::array(), logprobs = Json::array(), candidates = Json::array(), offsets = Json::array();
  size_t offset = 0;
  for (const ReplyToken& token : reply.tokens) {
    tokens.push_back(token.text);
    offsets.push_back(offset);
    offset += token.text.size();
    // As other servers do: of the first token nothing is known.
    logprobs.push_back(token.candidates.empty() ? Json(nullptr) : Json(logprob_of(token)));
    Json at_token = nullptr;
    for (const Candidate& candidate : likeliest(token.candidates, n_candidates)) {
      at_token[candidate.text] = candidate.logprob;
    }
    candidates.push_back(std::move(at_token));
  }
  Json choice = {{"index", 0},
                 {"text", reply.text},
                 {"finish_reason", "length"},
                 {"logprobs",
                  {{"tokens", std::move(tokens)},
                   {"token_logprobs", std::move(logprobs)},
                   {"top_logprobs", std::move(candidates)},
                   {"text_offset", std::move(offsets)}}}};
  return json_reply(200, envelope("text_completion", body, std::move(choice), reply));
}

}  // namespace

http::ServerReply serve_lexical(const http::ServerRequest& request) {
  const bool is_get = request.method == "GET";
  if (is_get && request.path == "/health") return json_reply(200, {{"status", "ok"}});
  if (is_get && request.path == "/v1/models") {
    return json_reply(200, {{"object", "list"}, {"data", {{{"id", kModel}, {"object", "model"}}}}});
  }
  const bool is_chat = request.path == "/v1/chat/completions";
  if (is_get || (!is_chat && request.path != "/v1/completions")) {
    return error_reply(404, request.method + " " + request.path + " is not served here");
  }
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) return error_reply(400, "the body is no JSON object");
  try {
    return is_chat ? chat(body) : completion(body);
  } catch (const BadBody& bad) {
    return error_reply(400, bad.what());
  }
}

}  // namespace saesweep::judge
