#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "judge/circuit_breaker.h"
#include "judge/endpoint_file.h"
#include "judge/options.h"

namespace saesweep::judge {

//! The addresses that requests can go to, by number. One that is down is passed over and probed now and then. Times in
//! seconds of one clock.
class Endpoints {
 public:
  //! Reads the key from the environment. Throws ConfigError where it is not there, no address is given, or one is no
  //! URL.
  explicit Endpoints(const JudgeOptions& options);

  //! Where the next request should go: the one with the least in flight that may be asked and is not in refused.
  //! may_probe: one that is down may be tried although others are not; a request that failed before should not, or it
  //! would probe for ever.
  std::optional<size_t> pick(double now, const std::vector<size_t>& refused, bool may_probe = true) const;
  //! Whether each one is down or in refused.
  bool are_all_down(const std::vector<size_t>& refused = {}) const;
  //! When pick() may give more than now; infinity where only replies can change it.
  double next_time(double now) const;
  //! Reads endpoint_file where it is set; true where an address came that was not in use.
  bool read_file();
  bool is_empty() const { return endpoints_.empty(); }

  const Address& address(size_t i) const { return endpoints_[i].address; }
  bool is_down(size_t i) const { return endpoints_[i].breaker.is_down(); }
  void on_sent(size_t i);
  //! An answer of the server, or none: a fault.
  void on_answer(size_t i);
  void on_fault(size_t i, double now);
  //! Its answers are of no use: down at once.
  void trip(size_t i, double now) { endpoints_[i].breaker.trip(now); }
  //! Of all that was sent nothing will come.
  void drop_in_flight();
  //! Nothing is sent to it before that time.
  void hold(size_t i, double until);

  //! All addresses without credentials.
  std::string describe() const;
  //! text with every key taken out, so that what servers say can be logged and stored.
  void redact(std::string& text) const;

 private:
  struct Endpoint {
    Address address;
    CircuitBreaker breaker;
    int64_t n_in_flight = 0;
    int64_t n_sent = 0;
    double held_until = 0;
    //! The file names another address now.
    bool is_gone = false;
  };

  bool may_send(const Endpoint& endpoint, double now) const;

  std::string file_;
  std::string key_;
  std::vector<Endpoint> endpoints_;
  std::optional<size_t> of_file_;
};

}  // namespace saesweep::judge
