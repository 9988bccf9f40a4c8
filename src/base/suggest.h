#pragma once

#include <span>
#include <string>
#include <string_view>

namespace saesweep {

//! The candidate nearest to `word` by edit distance (Levenshtein, swapped neighbours being one edit), or "" where none
//! is within half its length.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

//! "; did you mean a?" with the nearest candidate, or "." where there is none.
std::string suggestion(std::string_view word, std::span<const std::string> candidates);

//! "a, b or c".
std::string list_of(std::span<const std::string> words);

}  // namespace saesweep
