#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace saesweep {

//! Shows one line that changes: redrawn in place on a terminal, printed now and then as plain lines in a log.
//! Writes to stderr. Not thread-safe.
class ProgressLine {
 public:
  enum class Mode { kTerminal, kPlain, kNone };

  //! Terminal or plain, by where stderr goes. Under mpirun a rank's streams are pipes, so the launcher's are asked.
  static Mode detect();

  explicit ProgressLine(Mode mode) : mode_(mode) {}
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  //! Shows text if it is time to: 4 times a second on a terminal, every 10 seconds in a log; `now` shows it anyway.
  void show(const std::string& text, bool now = false);
  //! A line that stays, above the changing one.
  void note(const std::string& text);
  //! Ends the changing line; what it said last stays.
  void finish();

 private:
  Mode mode_;
  std::string shown_;
  std::chrono::steady_clock::time_point last_{};
};

//! "12 s", "3 min 05 s", "2 h 10 min", "4 d 3 h".
std::string duration_text(double seconds);

//! "512 B", "41 MB", "1.5 GB" (powers of 1000).
std::string bytes_text(uint64_t bytes);

}  // namespace saesweep
