#include "text/json_line.h"

#include <fmt/format.h>

#include <utility>

#include "base/json.h"

namespace saesweep::text {

namespace {

//! Picks one string of an object while the rest of the line streams by.
class TextPicker : public nlohmann::json_sax<Json> {
 public:
  explicit TextPicker(const std::string& key) : key_(&key) {}

  bool null() override { return other("null"); }
  bool boolean(bool) override { return other("true or false"); }
  bool number_integer(number_integer_t) override { return other("a number"); }
  bool number_unsigned(number_unsigned_t) override { return other("a number"); }
  bool number_float(number_float_t, const string_t&) override { return other("a number"); }
  bool binary(binary_t&) override { return other("binary data"); }
  bool string(string_t& value) override {
    if (!is_wanted()) return other("a string");
    result_.text = std::move(value);
    is_next_ = false;
    return true;
  }
  bool start_object(size_t) override {
    other("an object");
    ++depth_;
    is_object_ = true;
    return true;
  }
  bool end_object() override { return leave(); }
  bool start_array(size_t) override {
    other("a list");
    ++depth_;
    return true;
  }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    is_next_ = depth_ == 1 && name == *key_;
    return true;
  }
  bool parse_error(size_t place, const std::string&, const nlohmann::detail::exception&) override {
    result_ = {std::nullopt, fmt::format("is not JSON from byte {} on", place)};
    return false;
  }

  JsonLine result() && {
    if (!result_.text && result_.fault.empty()) {
      result_.fault = is_object_ ? fmt::format("has no \"{}\"", *key_) : "is no JSON object";
    }
    if (!result_.fault.empty()) result_.text.reset();
    return std::move(result_);
  }

 private:
  bool is_wanted() const { return is_next_ && depth_ == 1; }
  bool leave() {
    --depth_;
    return true;
  }
  bool other(const char* found) {
    if (is_wanted()) result_.fault = fmt::format("\"{}\" is {}, expected a string", *key_, found);
    is_next_ = false;
    return true;
  }

  const std::string* key_;
  JsonLine result_;
  int depth_ = 0;
  bool is_next_ = false;
  bool is_object_ = false;
};

}  // namespace

JsonLine read_json_line(std::string_view line, const std::string& key) {
  // The parser takes a zero byte for the end.
  if (const size_t zero = line.find('\0'); zero != std::string_view::npos) {
    return {std::nullopt, fmt::format("is not JSON from byte {} on", zero)};
  }
  TextPicker picker(key);
  Json::sax_parse(line, &picker);
  return std::move(picker).result();
}

}  // namespace saesweep::text
