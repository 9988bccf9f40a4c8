#include "base/log.h"

#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace saesweep {

Log::Log() : logger_(std::make_shared<spdlog::logger>("saesweep", std::make_shared<spdlog::sinks::null_sink_mt>())) {}

Log Log::to_stderr() {
  Log log;
  log.logger_ = std::make_shared<spdlog::logger>("saesweep", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  log.logger_->set_pattern("%H:%M:%S %v");
  return log;
}

void Log::write_info(const std::string& message) const {
  logger_->info("{}", message);
}
void Log::write_warning(const std::string& message) const {
  logger_->warn("warning: {}", message);
}

}  // namespace saesweep
