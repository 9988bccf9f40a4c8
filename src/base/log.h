#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>

namespace spdlog {
class logger;
}

namespace saesweep {

//! Writes timed lines to stderr, or to nowhere. Passed by reference; copies share the sink. Thread-safe.
class Log {
 public:
  //! Writes nothing.
  Log();
  //! Lines `HH:MM:SS message` to stderr.
  static Log to_stderr();

  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    write_info(fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) const {
    write_warning(fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  void write_info(const std::string& message) const;
  void write_warning(const std::string& message) const;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace saesweep
