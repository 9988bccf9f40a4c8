#include "judge/lexical_rules.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <iterator>

namespace saesweep::judge {
namespace {

using Kind = Rule::Kind;

constexpr std::string_view kStart = "Marks ";
constexpr std::string_view kNothing = "nothing in particular";
constexpr std::string_view kRarely = "now and then ";
constexpr std::string_view kAfterWord = " after ";
constexpr std::string_view kWhatFollows = "what follows ";
constexpr std::string_view kEndingIn = "words ending in ";
constexpr std::string_view kAnythingElse = "anything else";

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    // A backslash would else be read as belonging to the next character.
    const bool is_ambiguous = text[i] == '\\' && (i + 1 == text.size() || text[i + 1] == '\\' || text[i + 1] == '"');
    if (text[i] == '"' || is_ambiguous) out += '\\';
    out += text[i];
  }
  return out + '"';
}

std::string quoted(const Term& term) {
  return quoted((term.continues ? "-" : "") + term.text + (term.is_continued ? "-" : ""));
}

std::string terms_text(const std::vector<Term>& terms) {
  std::string out;
  for (const auto& term : terms) out += (out.empty() ? "" : ", ") + quoted(term);
  return out;
}

std::string rule_text(const Rule& rule) {
  switch (rule.kind) {
    case Kind::kTerms:
      return terms_text(rule.terms);
    case Kind::kRareTerms:
      return std::string(kRarely) + terms_text(rule.terms);
    case Kind::kTermAfter:
      return terms_text(rule.terms) + std::string(kAfterWord) + quoted(rule.text);
    case Kind::kAfter:
      return std::string(kWhatFollows) + quoted(rule.text);
    case Kind::kEnding:
      return std::string(kEndingIn) + quoted(rule.text);
    case Kind::kClass:
      break;
  }
  return std::string(kClassNames[rule.of_class]);
}

//! Whole numbers as such, others with one digit behind the point.
std::string number_text(double x) {
  const int64_t tenths = std::llround(x * 10);
  return tenths % 10 == 0 ? fmt::format("{}", tenths / 10) : fmt::format("{}.{}", tenths / 10, tenths % 10);
}

std::string counts_text(const Counts& counts) {
  return fmt::format(" ({}, {})", number_text(counts.marked), number_text(counts.other));
}

std::string counts_text(const Counts& counts, const Counts& total) {
  return fmt::format(" ({} of {} marks, {} of {} other words)", number_text(counts.marked), number_text(total.marked),
                     number_text(counts.other), number_text(total.other));
}

//! Reads an explanation from left to right; what fails leaves it where it was.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool eat(std::string_view what) {
    if (text_.substr(0, what.size()) != what) return false;
    text_.remove_prefix(what.size());
    return true;
  }

  std::optional<std::string> quote() {
    if (text_.empty() || text_[0] != '"') return std::nullopt;
    std::string out;
    for (size_t i = 1; i < text_.size(); ++i) {
      if (text_[i] == '"') {
        text_.remove_prefix(i + 1);
        return out;
      }
      const bool is_escape = text_[i] == '\\' && i + 1 < text_.size() && (text_[i + 1] == '"' || text_[i + 1] == '\\');
      out += text_[i += is_escape ? 1 : 0];
    }
    return std::nullopt;
  }

  std::optional<double> number() {
    double x = 0;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), x, std::chars_format::fixed);
    if (error != std::errc() || x < 0) return std::nullopt;
    text_.remove_prefix(static_cast<size_t>(end - text_.data()));
    return x;
  }

 private:
  std::string_view text_;
};

std::optional<Term> read_term(Reader& reader) {
  auto text = reader.quote();
  if (!text || text->empty()) return std::nullopt;
  Term term{.text = std::move(*text)};
  // A hyphen alone, or several, are signs.
  if (term.text.find_first_not_of('-') == std::string::npos) return term;
  term.continues = term.text.front() == '-';
  term.is_continued = term.text.back() == '-';
  term.text = term.text.substr(term.continues ? 1 : 0);
  if (term.is_continued) term.text.pop_back();
  return term;
}

bool read_terms(Reader& reader, Rule& rule) {
  do {
    auto term = read_term(reader);
    if (!term) return false;
    rule.terms.push_back(std::move(*term));
  } while (rule.kind == Kind::kRareTerms && reader.eat(", "));
  return true;
}

bool read_text(Reader& reader, Rule& rule) {
  auto text = reader.quote();
  if (text) rule.text = std::move(*text);
  return text.has_value();
}

bool read_class(Reader& reader, Rule& rule) {
  for (size_t c = 0; c < kNumberOfClasses; ++c) {
    if (!reader.eat(kClassNames[c])) continue;
    rule.of_class = static_cast<Class>(c);
    return true;
  }
  return false;
}

bool read_subject(Reader& reader, Rule& rule) {
  rule.kind = Kind::kEnding;
  if (reader.eat(kEndingIn)) return read_text(reader, rule);
  rule.kind = Kind::kAfter;
  if (reader.eat(kWhatFollows)) return read_text(reader, rule);
  rule.kind = Kind::kRareTerms;
  if (reader.eat(kRarely)) return read_terms(reader, rule);
  rule.kind = Kind::kClass;
  if (read_class(reader, rule)) return true;
  rule.kind = Kind::kTerms;
  if (!read_terms(reader, rule)) return false;
  if (!reader.eat(kAfterWord)) return true;
  rule.kind = Kind::kTermAfter;
  return read_text(reader, rule);
}

//! (A, B), or (A of N marks, B of M other words), which fills total.
bool read_counts(Reader& reader, Counts& counts, Counts& total) {
  if (!reader.eat(" (")) return false;
  const auto marked = reader.number();
  const auto n_marks = reader.eat(" of ") ? reader.number() : std::nullopt;
  if (!reader.eat(n_marks ? " marks, " : ", ")) return false;
  const auto other = reader.number();
  const auto n_others = reader.eat(" of ") ? reader.number() : std::nullopt;
  if (n_marks.has_value() != n_others.has_value() || !reader.eat(n_marks ? " other words)" : ")")) return false;
  if (!marked || !other) return false;
  counts = {*marked, *other};
  if (n_marks) total = {*n_marks, *n_others};
  return true;
}

bool read_rules(Reader& reader, RuleList& list) {
  do {
    Rule rule;
    if (!read_subject(reader, rule) || !read_counts(reader, rule.counts, list.total)) return false;
    list.rules.push_back(std::move(rule));
  } while (reader.eat(", "));
  return reader.eat("; ") && reader.eat(kAnythingElse) && read_counts(reader, list.rest, list.total);
}

}  // namespace

std::string text_of(const RuleList& list) {
  std::string out(kStart);
  if (list.rules.empty()) return out + std::string(kNothing) + counts_text(list.rest, list.total) + ".";
  for (const auto& rule : list.rules) {
    const bool is_first = &rule == &list.rules.front();
    out += (is_first ? "" : ", ") + rule_text(rule);
    out += is_first ? counts_text(rule.counts, list.total) : counts_text(rule.counts);
  }
  return out + "; " + std::string(kAnythingElse) + counts_text(list.rest) + ".";
}

std::optional<RuleList> parse_rules(std::string_view text) {
  Reader reader(text);
  RuleList list;
  if (!reader.eat(kStart)) return std::nullopt;
  const bool is_read = reader.eat(kNothing) ? read_counts(reader, list.rest, list.total) : read_rules(reader, list);
  if (!is_read) return std::nullopt;
  return list;
}

}  // namespace saesweep::judge
