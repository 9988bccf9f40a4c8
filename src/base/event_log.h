#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "base/json.h"

namespace saesweep {

//! A structured log: a JSON object a line (JSON Lines), appended to a file. A line that a kill cut short is closed by
//! the next run, so that readers lose that line alone. Thread-safe; copies share the file.
class EventLog {
 public:
  //! Writes nothing.
  EventLog() = default;
  //! Appends to path, whose folder is made. `common` stands in every line. Throws OutputError.
  EventLog(const std::filesystem::path& path, Json common);

  //! A line with "time" (UTC, milliseconds), "clock" (seconds since the log was opened, which never jump),
  //! "event" and the fields. A full disk ends no run: lines are lost, and stderr says so once.
  void write(std::string_view event, Json fields = Json::object()) const;

 private:
  struct File;
  std::shared_ptr<File> file_;
};

}  // namespace saesweep
