#include "text/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include "base/errors.h"

namespace saesweep::text {

namespace {

std::string message_of(int error) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(error, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

}  // namespace

struct MatchScratch::Data {
  pcre2_match_data* match = pcre2_match_data_create(1, nullptr);
  ~Data() { pcre2_match_data_free(match); }
};

MatchScratch::MatchScratch() : data_(std::make_unique<Data>()) {
  if (data_->match == nullptr) throw SystemError("PCRE2: no memory for a match");
}
MatchScratch::~MatchScratch() = default;
MatchScratch::MatchScratch(MatchScratch&&) noexcept = default;
MatchScratch& MatchScratch::operator=(MatchScratch&&) noexcept = default;

struct Pattern::Code {
  pcre2_code* code = nullptr;
  ~Code() { pcre2_code_free(code); }
};

Pattern::Pattern(const std::string& expression) : code_(std::make_unique<Code>()) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(), PCRE2_UTF | PCRE2_UCP,
                              &error, &offset, nullptr);
  if (code_->code == nullptr) {
    throw SystemError(fmt::format("PCRE2: {} at offset {} of {}", message_of(error), offset, expression));
  }
  // Where JIT is not allowed, pcre2_match interprets the same code.
  pcre2_jit_compile(code_->code, PCRE2_JIT_COMPLETE);
}
Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

Match Pattern::find(std::string_view text, size_t from, MatchScratch& scratch) const {
  pcre2_match_data* data = scratch.data_->match;
  const int result = pcre2_match(code_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                                 PCRE2_NO_UTF_CHECK, data, nullptr);
  if (result == PCRE2_ERROR_NOMATCH) return {from, from};
  if (result < 0) throw SystemError(fmt::format("PCRE2: {} at byte {} of a text", message_of(result), from));
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data);
  return {bounds[0], bounds[1]};
}

}  // namespace saesweep::text
