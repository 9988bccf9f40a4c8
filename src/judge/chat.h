#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace saesweep::judge {

//! A turn of a chat.
struct Message {
  //! "system", "user" or "assistant".
  std::string role;
  std::string content;

  bool operator==(const Message&) const = default;
};

//! What a judge is asked.
struct Request {
  //! kChat: an answer to messages. kPrompt: nothing is generated; the judge says for each token of prompt what it
  //! would have expected there.
  enum class Kind { kChat, kPrompt };
  Kind kind = Kind::kChat;
  std::vector<Message> messages;
  std::string prompt;
  //! Of the answer, at most.
  int64_t max_tokens = 0;
  //! Whether the candidates of the answer's tokens are wanted.
  bool logprobs = false;

  bool operator==(const Request&) const = default;
};

//! A token that could have stood somewhere.
struct Candidate {
  std::string text;
  //! Natural logarithm of its probability.
  double logprob = 0;

  bool operator==(const Candidate&) const = default;
};

//! A token of an answer (kChat) or of the prompt (kPrompt).
struct ReplyToken {
  std::string text;
  //! Likeliest tokens at its place; none where the endpoint says nothing.
  std::vector<Candidate> candidates;

  bool operator==(const ReplyToken&) const = default;
};

struct Reply {
  //! The answer; of kPrompt the prompt.
  std::string text;
  //! Its tokens in order, whose texts make up text; none where the endpoint gives no logprobs.
  std::vector<ReplyToken> tokens;
  //! As the endpoint counts them; 0 where it does not say.
  int64_t n_prompt_tokens = 0;
  int64_t n_reply_tokens = 0;

  bool operator==(const Reply&) const = default;
};

}  // namespace saesweep::judge
