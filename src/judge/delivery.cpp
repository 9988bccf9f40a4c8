#include "judge/delivery.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>
#include <utility>

#include "base/errors.h"
#include "http/url.h"
#include "judge/backoff.h"
#include "judge/openai_reply.h"
#include "judge/openai_request.h"
#include "judge/refusal.h"

namespace saesweep::judge {

namespace {

constexpr double kSecondsBetweenLooks = 0.25;
//! Letters that wait to be sent again, for each slot; more are not drawn.
constexpr size_t kWaitingPerSlot = 4;

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

http::ClientOptions client_options(const JudgeOptions& options) {
  return {options.connect_timeout, options.first_byte_timeout, options.timeout};
}

std::string time_of_day(double seconds_ago) {
  const auto then = std::chrono::system_clock::now() - std::chrono::milliseconds(std::llround(seconds_ago * 1000));
  const std::time_t time = std::chrono::system_clock::to_time_t(then);
  std::tm local{};
  ::localtime_r(&time, &local);
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

}  // namespace

Delivery::Delivery(const JudgeOptions& options, const JudgePlace& place, UsageBoard& usage)
    : options_(options),
      log_(place.log),
      usage_(usage),
      client_(client_options(options)),
      endpoints_(options),
      limit_(share_of(options.max_in_flight, place.rank, place.n_ranks), options.timeout / 2),
      budget_(options, place.rank, place.n_ranks),
      jitter_({"judge jitter", uint64_t{std::random_device()()}, int64_t{place.rank}}) {}

bool Delivery::wants_more() const {
  const auto slots = static_cast<size_t>(limit_.slots());
  return ready_.empty() && client_.n_in_flight() < slots && later_.size() < kWaitingPerSlot * slots;
}

void Delivery::post(Letter letter) {
  const uint64_t id = letter.id;
  open_[id].letter = std::move(letter);
  ready_.push_back(id);
  send_ready(seconds_now());
}

void Delivery::send_ready(double now) {
  while (!later_.empty() && later_.begin()->first <= now) {
    ready_.push_back(later_.begin()->second);
    later_.erase(later_.begin());
  }
  while (!ready_.empty() && send(open_.at(ready_.front()), now)) ready_.pop_front();
}

bool Delivery::send(Open& open, double now) {
  if (budget_.is_spent() || static_cast<int64_t>(client_.n_in_flight()) >= limit_.slots()) return false;
  const auto endpoint = endpoints_.pick(now, open.refused_by, open.n_faults == 0);
  if (!endpoint) return false;
  const Address& address = endpoints_.address(*endpoint);
  open.endpoint = *endpoint;
  open.sent = now;
  client_.start(open.letter.id, {address.url + path_of(open.letter.request), open.letter.body, address.key});
  endpoints_.on_sent(*endpoint);
  budget_.on_sent();
  usage_.change([](JudgeUsage& usage) { ++usage.n_sent; });
  return true;
}

bool Delivery::wait(double seconds) {
  const double begin = seconds_now();
  look_for_address(begin);
  throw_what_is_lost(begin);
  send_ready(begin);
  throw_where_spent();
  publish();
  arrived_ = client_.wait(seconds_to_wait(seconds, begin));
  const auto is_good = [](const http::Outcome& outcome) {
    return outcome.fault == http::Fault::kNone && outcome.status == 200;
  };
  return !budget_.counts_tokens() && std::all_of(arrived_.begin(), arrived_.end(), is_good);
}

std::vector<Answer> Delivery::read() {
  std::vector<Answer> answers;
  for (http::Outcome& outcome : std::exchange(arrived_, {})) {
    auto answer = read_outcome(std::move(outcome), seconds_now());
    if (answer) answers.push_back(*std::move(answer));
  }
  return answers;
}

double Delivery::seconds_to_wait(double most, double now) const {
  double until = now + most;
  if (!later_.empty()) until = std::min(until, later_.begin()->first);
  if (!ready_.empty()) until = std::min(until, endpoints_.next_time(now));
  if (!open_.empty() && endpoints_.are_all_down()) until = std::min(until, now + kSecondsBetweenLooks);
  if (trouble_since_ && !open_.empty()) until = std::min(until, *trouble_since_ + options_.give_up_after);
  return refusal_ ? 0 : std::max(0.0, until - now);
}

void Delivery::look_for_address(double now) {
  if (open_.empty() || !endpoints_.are_all_down() || now < next_look_) return;
  next_look_ = now + kSecondsBetweenLooks;
  if (endpoints_.read_file()) log_.info("The judge is at {}", endpoints_.describe());
  if (!endpoints_.is_empty()) return;
  if (!awaited_since_) {
    awaited_since_ = now;
    log_.info("Waiting for {}, in which the judge's server writes its address", options_.endpoint_file);
  }
  if (now - *awaited_since_ < options_.endpoint_wait) return;
  throw StoppedError(
      fmt::format("{}: no server has written its address within {:g} s ([judge] endpoint_wait); start "
                  "the server's job, then the same command again",
                  options_.endpoint_file, options_.endpoint_wait));
}

void Delivery::throw_what_is_lost(double now) {
  if (refusal_) std::rethrow_exception(refusal_);
  if (open_.empty()) trouble_since_.reset();
  if (!trouble_since_ || now - *trouble_since_ < options_.give_up_after) return;
  throw StoppedError(fmt::format(
      "{}: no usable reply since {} ({:.3g} s, [judge] give_up_after is {:g}); last: {}; replies so far are kept: see "
      "to the server, then start the same command again",
      endpoints_.describe(), time_of_day(now - *trouble_since_), now - *trouble_since_, options_.give_up_after,
      last_fault_));
}

void Delivery::throw_where_spent() const {
  if (open_.empty() || client_.n_in_flight() > 0 || !budget_.is_spent()) return;
  throw StoppedError(budget_.describe() + "; replies so far are kept: start the same command again to go on");
}

std::optional<Answer> Delivery::read_outcome(http::Outcome outcome, double now) {
  Open& open = open_.at(outcome.tag);
  endpoints_.redact(outcome.body);
  endpoints_.redact(outcome.message);
  switch (outcome.fault) {
    case http::Fault::kNone:
      return read_status(open, outcome, now);
    case http::Fault::kTooLarge:
      end_well(open, now);
      return close(open, std::nullopt, outcome.message);
    case http::Fault::kUntrusted:
      return on_refusal(open, outcome, now);
    case http::Fault::kTimeout:
      limit_.on_overload(open.sent, now);
      [[fallthrough]];
    default:
      on_fault(open, outcome.message, now, true, std::nullopt);
      return std::nullopt;
  }
}

std::optional<Answer> Delivery::read_status(Open& open, const http::Outcome& outcome, double now) {
  const int status = outcome.status;
  if (status >= 200 && status < 300) return read_body(open, outcome, now);
  if (status == 400 && is_filtered(outcome.body)) {
    end_well(open, now);
    return close(open, std::nullopt, "the server's filter refuses the request: " + error_message(outcome.body));
  }
  if (!is_passing(status)) return on_refusal(open, outcome, now);
  if (status == 429 || status == 503) limit_.on_overload(open.sent, now);
  const auto retry_after = http::retry_after_seconds(outcome.retry_after, seconds_since_1970());
  if (retry_after && (status == 429 || status == 503)) endpoints_.hold(open.endpoint, now + *retry_after);
  on_fault(open, fmt::format("HTTP {}: {}", status, error_message(outcome.body)), now, status != 429, retry_after);
  return std::nullopt;
}

std::optional<Answer> Delivery::read_body(Open& open, const http::Outcome& outcome, double now) {
  try {
    Reply reply = parse_reply(options_, open.letter.request, outcome.body);
    end_well(open, now);
    return close(open, std::move(reply), "");
  } catch (const TransportFault& fault) {
    on_fault(open, fault.what(), now, true, std::nullopt);
    return std::nullopt;
  } catch (const UnusableReply& fault) {
    end_well(open, now);
    return close(open, std::nullopt, fault.what());
  } catch (const Json::exception& fault) {  // a field of an unlikely type
    end_well(open, now);
    return close(open, std::nullopt, fault.what());
  }
}

void Delivery::end_well(const Open& open, double now) {
  const bool was_down = endpoints_.is_down(open.endpoint);
  endpoints_.on_answer(open.endpoint);
  limit_.on_reply(open.sent, now);
  note_change(open.endpoint, was_down, "");
}

Answer Delivery::close(Open& open, std::optional<Reply> reply, const std::string& fault) {
  Answer answer{open.letter.id, std::move(reply), fault};
  open_.erase(answer.id);
  if (!answer.reply) return answer;
  const Reply& counted = *answer.reply;
  budget_.on_tokens(counted.n_prompt_tokens + counted.n_reply_tokens);
  usage_.change([&](JudgeUsage& usage) {
    usage.n_prompt_tokens += counted.n_prompt_tokens;
    usage.n_reply_tokens += counted.n_reply_tokens;
  });
  return answer;
}

void Delivery::on_fault(Open& open, const std::string& fault, double now, bool is_down,
                        std::optional<double> retry_after) {
  const bool was_down = endpoints_.is_down(open.endpoint);
  if (is_down) {
    endpoints_.on_fault(open.endpoint, now);
  } else {
    endpoints_.on_answer(open.endpoint);
  }
  usage_.change([](JudgeUsage& usage) { ++usage.n_transport_faults; });
  last_fault_ = fault;
  if (!trouble_since_) trouble_since_ = std::max(last_usable_, open.sent);
  later_.emplace(now + backoff_seconds(++open.n_faults, uniform(), retry_after), open.letter.id);
  note_change(open.endpoint, was_down, fault);
}

std::optional<Answer> Delivery::on_refusal(Open& open, const http::Outcome& outcome, double now) {
  endpoints_.on_answer(open.endpoint);
  open.refused_by.push_back(open.endpoint);
  const bool is_of_request_alone = outcome.fault == http::Fault::kNone && is_of_request(outcome.status);
  if (!is_of_request_alone) endpoints_.trip(open.endpoint, now);
  const bool is_final = endpoints_.are_all_down(open.refused_by) && !endpoints_.read_file();
  if (is_final && is_of_request_alone && last_usable_ >= 0) {
    return close(
        open, std::nullopt,
        fmt::format("the server refuses the request: HTTP {}: {}", outcome.status, error_message(outcome.body)));
  }
  if (is_final && !refusal_) keep_refusal(open, outcome);
  ready_.push_front(open.letter.id);
  return std::nullopt;
}

//! Kept for the next wait(), so that the answers of this one are not lost.
void Delivery::keep_refusal(const Open& open, const http::Outcome& outcome) {
  const std::string where = http::without_credentials(endpoints_.address(open.endpoint).url);
  const std::string why = describe_refusal(outcome, options_.api_key_env);
  if (last_usable_ < 0) {
    refusal_ = std::make_exception_ptr(InputError(where, "the judge refuses requests: " + why));
  } else {
    refusal_ = std::make_exception_ptr(StoppedError(
        fmt::format("{}: the judge refuses a request after it answered others: {}; then start the same command again",
                    where, why)));
  }
}

void Delivery::note_change(size_t endpoint, bool was_down, const std::string& fault) {
  const bool is_down = endpoints_.is_down(endpoint);
  if (is_down == was_down) return;
  const std::string where = http::without_credentials(endpoints_.address(endpoint).url);
  if (is_down) {
    log_.warn("The judge at {} is down: {}; it is tried again for {:g} s", where, fault, options_.give_up_after);
  } else {
    log_.info("The judge at {} answers again", where);
  }
}

void Delivery::on_usable() {
  last_usable_ = seconds_now();
  trouble_since_.reset();
}

void Delivery::publish() {
  const bool is_paused = !open_.empty() && endpoints_.are_all_down();
  const auto n = static_cast<int64_t>(client_.n_in_flight());
  usage_.change([&](JudgeUsage& usage) {
    usage.n_in_flight = n;
    usage.is_paused = is_paused;
  });
}

void Delivery::drop_all() {
  client_.cancel_all();
  endpoints_.drop_in_flight();
  arrived_.clear();
  open_.clear();
  ready_.clear();
  later_.clear();
  publish();
}

}  // namespace saesweep::judge
