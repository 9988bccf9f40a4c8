#pragma once

namespace saesweep::judge {

//! Whether an endpoint is worth asking. After a few faults in a row it counts as down; then one request at a time
//! probes it, at growing distances, until one is answered. Times in seconds of one clock.
class CircuitBreaker {
 public:
  bool is_down() const { return n_faults_ >= kFaultsThatTrip; }
  //! Whether a request may be sent now: while down, a probe that is due.
  bool may_send(double now) const;
  //! When a probe is due, while down and none is on its way.
  double probe_time() const { return probe_time_; }
  bool is_probing() const { return is_probing_; }

  void on_sent();
  //! An answer came, whatever it said.
  void on_answer();
  void on_fault(double now);
  //! Nothing will come of what was sent.
  void on_dropped() { is_probing_ = false; }
  //! Down at once: what it answers is useless.
  void trip(double now);

 private:
  static constexpr int kFaultsThatTrip = 5;

  int n_faults_ = 0;
  int n_probes_ = 0;
  bool is_probing_ = false;
  double probe_time_ = 0;
};

}  // namespace saesweep::judge
