#pragma once

#include <string_view>

#include "text/pattern.h"

namespace saesweep::text {

//! Cuts text into GPT-2's words (contractions, letters, numbers, the rest, each with the space before it; white
//! space). Source: openai/gpt-2 src/encoder.py. Thread-safe.
class WordSplitter {
 public:
  WordSplitter();

  //! The end of the word that opens at text[from]. Every byte belongs to a word; the text must be UTF-8.
  size_t end_of_word(std::string_view text, size_t from, MatchScratch& scratch) const {
    return pattern_.find(text, from, scratch).end;
  }

 private:
  Pattern pattern_;
};

}  // namespace saesweep::text
