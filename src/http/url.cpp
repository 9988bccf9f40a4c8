#include "http/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <memory>

namespace saesweep::http {

namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct FreeText {
  void operator()(char* text) const { curl_free(text); }
};
using Url = std::unique_ptr<CURLU, FreeUrl>;

Url parse(const std::string& text) {
  Url url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) url.reset();
  return url;
}

std::string part_of(const Url& url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, 0) != CURLUE_OK) return "";
  return std::unique_ptr<char, FreeText>(text).get();
}

}  // namespace

bool is_url(const std::string& text) {
  const Url url = parse(text);
  if (!url) return false;
  const std::string scheme = part_of(url, CURLUPART_SCHEME);
  return (scheme == "http" || scheme == "https") && !part_of(url, CURLUPART_HOST).empty();
}

std::string without_credentials(const std::string& text) {
  const Url url = parse(text);
  if (!url) return "(not a URL)";
  curl_url_set(url.get(), CURLUPART_USER, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_PASSWORD, nullptr, 0);
  return part_of(url, CURLUPART_URL);
}

std::optional<double> retry_after_seconds(const std::string& header, double now) {
  double seconds = 0;
  const char* end = header.data() + header.size();
  const auto number = std::from_chars(header.data(), end, seconds);
  if (number.ec == std::errc() && number.ptr == end) return seconds >= 0 ? std::optional(seconds) : std::nullopt;
  const time_t date = curl_getdate(header.c_str(), nullptr);
  if (date == -1) return std::nullopt;
  return std::max(0.0, static_cast<double>(date) - now);
}

}  // namespace saesweep::http
