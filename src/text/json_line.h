#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace saesweep::text {

//! What a line of a .jsonl file gives: its text, or why it has none.
struct JsonLine {
  std::optional<std::string> text;
  std::string fault;
};

//! The string under `key` of the JSON object that a line is; what else it holds is read over. Text is UTF-8.
JsonLine read_json_line(std::string_view line, const std::string& key);

}  // namespace saesweep::text
