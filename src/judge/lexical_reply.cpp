#include "judge/lexical_reply.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "judge/lexical_learning.h"
#include "judge/lexical_prompt.h"
#include "judge/lexical_rules.h"
#include "judge/lexical_scorer.h"

namespace saesweep::judge {
namespace {

using Task = LexicalQuestion::Task;

constexpr size_t kLongestExplanation = 600;
constexpr size_t kBytesOfToken = 3;
constexpr const char* kNotUnderstood =
    "The lexical judge finds neither examples nor an explanation here; docs/prompts.md says what it looks for.";

RuleList rules_of(std::string_view explanation) {
  auto list = parse_rules(explanation);
  return list ? std::move(*list) : rules_of_prose(explanation);
}

//! Each word with the blank before it is a token of words.
std::vector<ReplyToken> tokens_of(std::string_view text) {
  std::vector<ReplyToken> tokens;
  while (!text.empty()) {
    const std::string word(text.substr(0, text.find(' ', 1)));
    text.remove_prefix(word.size());
    tokens.push_back({word, {{word, 0}}});
  }
  return tokens;
}

std::vector<Candidate> binary_candidates(double p) {
  std::vector<Candidate> candidates = {{"1", std::log(p)}, {"0", std::log(1 - p)}};
  if (p < 0.5) std::swap(candidates[0], candidates[1]);
  return candidates;
}

//! Binomial around the expected activation, likeliest first.
std::vector<Candidate> activation_candidates(double expected) {
  constexpr int kMost = 10;
  constexpr std::array<double, kMost + 1> kChoose = {1, 10, 45, 120, 210, 252, 210, 120, 45, 10, 1};
  const double p = std::clamp(expected / kMost, 0.002, 0.998);
  std::vector<Candidate> candidates;
  for (int i = 0; i <= kMost; ++i) {
    const double log_choose = std::log(kChoose[static_cast<size_t>(i)]);
    candidates.push_back({std::to_string(i), log_choose + i * std::log(p) + (kMost - i) * std::log(1 - p)});
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](auto& a, auto& b) { return a.logprob > b.logprob; });
  return candidates;
}

ReplyToken surest(std::vector<Candidate> candidates) {
  std::string text = candidates[0].text;
  return {std::move(text), std::move(candidates)};
}

ReplyToken fixed(std::string text) {
  return {text, {{text, 0}}};
}

//! A JSON array whose numbers are the likeliest of their candidates.
std::vector<ReplyToken> array_of(std::vector<std::vector<Candidate>> numbers) {
  std::vector<ReplyToken> tokens = {fixed("[")};
  for (auto& candidates : numbers) {
    if (tokens.size() > 1) tokens.push_back(fixed(", "));
    tokens.push_back(surest(std::move(candidates)));
  }
  tokens.push_back(fixed("]"));
  return tokens;
}

std::vector<ReplyToken> explain(const LexicalQuestion& question, int64_t max_tokens) {
  const size_t room = max_tokens > 0 ? static_cast<size_t>(max_tokens) * kBytesOfToken : kLongestExplanation;
  return tokens_of("Explanation: " + text_of(learn_rules(question.texts, std::min(room, kLongestExplanation))));
}

std::vector<ReplyToken> judge_examples(const LexicalQuestion& question) {
  const LexicalScorer scorer(rules_of(question.explanation));
  std::vector<std::vector<Candidate>> answers;
  for (const auto text : question.texts) {
    const bool has_marks = question.task == Task::kFuzzing;
    answers.push_back(binary_candidates(has_marks ? scorer.marks_are_right(text) : scorer.fires_in(text)));
  }
  return array_of(std::move(answers));
}

std::vector<std::vector<Candidate>> simulate(const LexicalQuestion& question) {
  const LexicalScorer scorer(rules_of(question.explanation));
  std::vector<std::vector<Candidate>> answers;
  for (const double expected : scorer.activations(question.texts)) answers.push_back(activation_candidates(expected));
  return answers;
}

std::vector<ReplyToken> answer(const LexicalQuestion& question, int64_t max_tokens) {
  switch (question.task) {
    case Task::kExplanation:
      return explain(question, max_tokens);
    case Task::kFuzzing:
    case Task::kDetection:
      return judge_examples(question);
    case Task::kSimulation:
      return array_of(simulate(question));
    case Task::kUnknown:
      break;
  }
  return tokens_of(kNotUnderstood);
}

//! The prompt's tokens: each "?" behind a tab at a line's end is one, what stands between them another.
std::vector<ReplyToken> prompt_tokens(const Request& request) {
  const auto question = read_question(request);
  auto answers = simulate(question);
  std::vector<ReplyToken> tokens;
  size_t done = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    const char* mark = question.texts[i].data() + question.texts[i].size() + 1;
    const auto at = static_cast<size_t>(mark - request.prompt.data());
    tokens.push_back({request.prompt.substr(done, at - done), {}});
    tokens.push_back({"?", std::move(answers[i])});
    done = at + 1;
  }
  if (done < request.prompt.size()) tokens.push_back({request.prompt.substr(done), {}});
  return tokens;
}

int64_t n_tokens(size_t n_bytes) {
  return static_cast<int64_t>((n_bytes + kBytesOfToken) / (kBytesOfToken + 1));
}

}  // namespace

Reply lexical_reply(const Request& request) {
  Reply reply;
  size_t n_bytes = request.prompt.size();
  for (const auto& message : request.messages) n_bytes += message.content.size();
  reply.n_prompt_tokens = n_tokens(n_bytes);
  if (request.kind == Request::Kind::kPrompt) {
    reply.text = request.prompt;
    reply.tokens = prompt_tokens(request);
    return reply;
  }
  reply.tokens = answer(read_question(request), request.max_tokens);
  const auto most = static_cast<size_t>(std::max<int64_t>(request.max_tokens, 0));
  if (most > 0 && reply.tokens.size() > most) reply.tokens.resize(most);
  reply.n_reply_tokens = static_cast<int64_t>(reply.tokens.size());
  for (const auto& token : reply.tokens) reply.text += token.text;
  if (!request.logprobs) reply.tokens.clear();
  return reply;
}

}  // namespace saesweep::judge
