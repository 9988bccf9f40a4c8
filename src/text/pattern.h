#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace saesweep::text {

//! Where a pattern matched: bytes [begin, end).
struct Match {
  size_t begin = 0;
  size_t end = 0;
  explicit operator bool() const { return end > begin; }
};

//! Room for the results of one match at a time; each thread needs its own.
class MatchScratch {
 public:
  MatchScratch();
  ~MatchScratch();
  MatchScratch(MatchScratch&&) noexcept;
  MatchScratch& operator=(MatchScratch&&) noexcept;

 private:
  friend class Pattern;
  struct Data;
  std::unique_ptr<Data> data_;
};

//! A compiled PCRE2 expression over UTF-8 with Unicode properties, JIT where the machine allows it. Thread-safe.
class Pattern {
 public:
  //! Throws SystemError where the expression does not compile.
  explicit Pattern(const std::string& expression);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;

  //! The first match at or after `from`, empty where there is none. The text must be UTF-8.
  Match find(std::string_view text, size_t from, MatchScratch& scratch) const;

 private:
  struct Code;
  std::unique_ptr<Code> code_;
};

}  // namespace saesweep::text
