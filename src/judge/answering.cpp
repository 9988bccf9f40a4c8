#include "judge/answering.h"

#include <fmt/format.h>

#include <utility>

#include "base/errors.h"
#include "judge/openai_reply.h"
#include "judge/openai_request.h"

namespace saesweep::judge {

namespace {

constexpr int kAttempts = 6;  // the first and five more
constexpr int kGivenUpInARow = 20;
constexpr int kBurst = 256;

}  // namespace

Answering::Answering(const JudgeOptions& options, Delivery& delivery, ReplyCache& cache, UsageBoard& usage, Work& work,
                     int& n_given_up)
    : options_(options),
      extra_(extra_fields(options)),
      delivery_(delivery),
      cache_(cache),
      usage_(usage),
      work_(work),
      n_given_up_(n_given_up) {}

bool Answering::draw() {
  for (int n = 0; n < kBurst; ++n) {
    if (!delivery_.wants_more()) return false;
    auto drawn = work_.next();
    if (!drawn) return false;
    ask(*std::move(drawn), 0);
  }
  return true;
}

Answering::Asked Answering::at_attempt(const Work::Ask& ask, int attempt, std::string* body) const {
  // Text that is not UTF-8 goes out with U+FFFD in its place.
  *body = request_body(options_, extra_, ask.request, attempt).dump(-1, ' ', false, Json::error_handler_t::replace);
  return {{ask.tag, {}}, attempt, cache_key(*body)};
}

void Answering::ask(Work::Ask ask, int attempt) {
  std::string body;
  Asked first = at_attempt(ask, attempt, &body);
  if (take_stored(first)) return;
  // An earlier run may have got its usable reply at a later attempt.
  for (int later = attempt + 1; cache_.n_older() > 0 && later < kAttempts; ++later) {
    std::string unsent;
    if (take_stored(at_attempt(ask, later, &unsent))) return;
  }
  const uint64_t id = next_id_++;
  Letter letter{id, ask.request, std::move(body)};
  first.ask = std::move(ask);
  asked_.emplace(id, std::move(first));
  delivery_.post(std::move(letter));
}

bool Answering::take_stored(const Asked& asked) {
  const auto reply = cache_.find(asked.key);
  if (!reply) return false;
  try {
    work_.take(asked.ask.tag, *reply);
  } catch (const UnusableReply&) {
    return false;
  }
  usage_.change([](JudgeUsage& usage) { ++usage.n_from_cache; });
  return true;
}

void Answering::settle(double seconds) {
  // The server's slots are filled again before its replies are read, which takes longer.
  if (delivery_.wait(seconds)) {
    draw();
    delivery_.push();
  }
  for (const Answer& answer : delivery_.read()) {
    Asked asked = std::move(asked_.extract(answer.id).mapped());
    if (answer.reply) {
      take(std::move(asked), *answer.reply);
    } else {
      ask_again(std::move(asked), answer.fault);
    }
  }
}

void Answering::take(Asked asked, const Reply& reply) {
  try {
    // Of equal requests that were under way together the first reply stands for all, as it will in later runs.
    work_.take(asked.ask.tag, cache_.find(asked.key).value_or(reply));
  } catch (const UnusableReply& fault) {
    ask_again(std::move(asked), fmt::format("{} (the reply: {})", fault.what(), beginning_of(reply.text)));
    return;
  }
  cache_.put(asked.key, reply);
  delivery_.on_usable();
  n_given_up_ = 0;
  give_up_all();
}

void Answering::ask_again(Asked asked, const std::string& fault) {
  usage_.change([](JudgeUsage& usage) { ++usage.n_unusable; });
  if (asked.attempt + 1 < kAttempts) {
    ask(std::move(asked.ask), asked.attempt + 1);
    return;
  }
  given_up_.push_back({asked.ask.tag, fault});
  if (++n_given_up_ < kGivenUpInARow) return;
  throw StoppedError(fmt::format(
      "{}: answers, but {} requests in a row got no usable reply in {} attempts each; the last: {}; see to the server "
      "and [judge], then start the same command again",
      delivery_.describe_endpoints(), n_given_up_, kAttempts, fault));
}

bool Answering::give_up_all() {
  const auto given_up = std::exchange(given_up_, {});
  for (const GivenUp& each : given_up) work_.give_up(each.tag, each.fault);
  return !given_up.empty();
}

}  // namespace saesweep::judge
