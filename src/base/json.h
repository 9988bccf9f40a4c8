#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

namespace saesweep {

using Json = nlohmann::json;

//! A JSON file. Throws InputError with the place of a syntax error.
Json read_json(const std::filesystem::path& path);

//! JSON text from the place named `where`. Throws InputError.
Json parse_json(std::string_view text, const std::string& where);

}  // namespace saesweep
