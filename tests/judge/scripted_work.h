#pragma once

#include <fmt/format.h>

#include <map>
#include <string>

#include "base/json.h"
#include "judge/judge.h"

namespace saesweep::judge::test {

//! Asks for the numbers first .. first + n - 1; a reply is an array of three numbers.
class ScriptedWork : public Work {
 public:
  explicit ScriptedWork(int n, int first = 0, bool logprobs = true) : n_(n), first_(first), logprobs_(logprobs) {}

  std::optional<Ask> next() override {
    if (n_drawn_ == n_) return std::nullopt;
    const int number = first_ + n_drawn_++;
    Request request;
    request.messages = {{"system", "You judge."}, {"user", fmt::format("Number {}", number)}};
    request.max_tokens = 20;
    request.logprobs = logprobs_;
    most_open = std::max(most_open, n_drawn_ - static_cast<int>(replies.size() + given_up.size()));
    return Ask{static_cast<uint64_t>(number), request};
  }
  void take(uint64_t tag, const Reply& reply) override {
    const Json answers = Json::parse(reply.text, nullptr, false);
    if (!answers.is_array() || answers.size() != 3) throw UnusableReply("not three answers");
    replies[tag] = reply;
  }
  void give_up(uint64_t tag, const std::string& fault) override { given_up[tag] = fault; }
  bool is_done() const override { return replies.size() + given_up.size() == static_cast<size_t>(n_); }

  std::map<uint64_t, Reply> replies;
  std::map<uint64_t, std::string> given_up;
  int most_open = 0;

 private:
  int n_;
  int first_;
  bool logprobs_;
  int n_drawn_ = 0;
};

}  // namespace saesweep::judge::test
