#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "http/client.h"
#include "judge/budget.h"
#include "judge/chat.h"
#include "judge/endpoints.h"
#include "judge/in_flight_limit.h"
#include "judge/options.h"
#include "judge/place.h"
#include "judge/usage_board.h"

namespace saesweep::judge {

//! A request on its way.
struct Letter {
  uint64_t id = 0;
  Request request;
  //! The body that is sent.
  std::string body;
};

//! What came of a letter: a reply, or the fault of one that cannot be used.
struct Answer {
  uint64_t id = 0;
  std::optional<Reply> reply;
  std::string fault;
};

//! Brings letters to endpoints until each has an answer: faults of the transport (broken connections, time-outs, busy
//! servers, bodies that are not JSON) are tried again and never show, but for the time they take.
class Delivery {
 public:
  Delivery(const JudgeOptions& options, const JudgePlace& place, UsageBoard& usage);

  //! Whether a letter posted now would be sent soon; one by one, so that no more are written than slots are free.
  bool wants_more() const;
  void post(Letter letter);
  //! Letters without an answer.
  size_t n_open() const { return open_.size(); }
  //! Sends what can be sent and waits at most so many seconds, until replies arrive or wake(). True where nothing in
  //! them can keep others from being posted before they are read.
  //! Throws StoppedError where nothing usable has come for `[judge] give_up_after`, endpoint_file does not come, or a
  //! budget is spent; InputError where the endpoints refuse the first requests themselves, StoppedError where later
  //! ones.
  bool wait(double seconds);
  //! Puts what was posted meanwhile on its way.
  void push() { client_.push(); }
  //! What came of those that arrived.
  std::vector<Answer> read();
  //! A reply was of use: the endpoint is well.
  void on_usable();
  //! Forgets all letters.
  void drop_all();
  //! Thread-safe.
  void wake() { client_.wake(); }
  std::string describe_endpoints() const { return endpoints_.describe(); }

 private:
  struct Open {
    Letter letter;
    int n_faults = 0;
    size_t endpoint = 0;
    double sent = 0;
    std::vector<size_t> refused_by;
  };

  void send_ready(double now);
  bool send(Open& open, double now);
  double seconds_to_wait(double most, double now) const;
  void look_for_address(double now);
  void throw_what_is_lost(double now);
  void throw_where_spent() const;
  std::optional<Answer> read_outcome(http::Outcome outcome, double now);
  std::optional<Answer> read_status(Open& open, const http::Outcome& outcome, double now);
  std::optional<Answer> read_body(Open& open, const http::Outcome& outcome, double now);
  void end_well(const Open& open, double now);
  Answer close(Open& open, std::optional<Reply> reply, const std::string& fault);
  void on_fault(Open& open, const std::string& fault, double now, bool is_down, std::optional<double> retry_after);
  //! An answer where the request itself is at fault: servers refuse one that is too long, and answer others.
  std::optional<Answer> on_refusal(Open& open, const http::Outcome& outcome, double now);
  void keep_refusal(const Open& open, const http::Outcome& outcome);
  void note_change(size_t endpoint, bool was_down, const std::string& fault);
  void publish();
  double uniform() { return jitter_.uniform(n_drawn_++); }

  JudgeOptions options_;
  Log log_;
  UsageBoard& usage_;
  http::Client client_;
  Endpoints endpoints_;
  InFlightLimit limit_;
  Budget budget_;
  //! Of each process another, and no part of any result.
  Stream jitter_;
  uint64_t n_drawn_ = 0;

  std::vector<http::Outcome> arrived_;
  std::unordered_map<uint64_t, Open> open_;
  std::deque<uint64_t> ready_;
  std::multimap<double, uint64_t> later_;
  double last_usable_ = -1;
  //! Since when nothing usable came although it was asked for; the fault that came last.
  std::optional<double> trouble_since_;
  std::string last_fault_;
  std::optional<double> awaited_since_;
  double next_look_ = 0;
  std::exception_ptr refusal_;
};

}  // namespace saesweep::judge
