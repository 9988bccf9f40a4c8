#include "judge/endpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "base/errors.h"
#include "http/url.h"

namespace saesweep::judge {

namespace {

std::string read_key(const std::string& variable) {
  if (variable.empty()) return "";
  const char* key = std::getenv(variable.c_str());
  if (key == nullptr || *key == 0) {
    throw ConfigError("[judge] api_key_env", fmt::format("the environment has no {}, which should hold the key; "
                                                         "export it, or set api_key_env = \"\"",
                                                         variable));
  }
  const std::string text = key;
  const auto is_printable = [](char c) { return c > ' ' && c <= '~'; };
  if (!std::all_of(text.begin(), text.end(), is_printable)) {
    throw ConfigError("[judge] api_key_env", fmt::format("the key in {} has spaces or line ends in it", variable));
  }
  return text;
}

bool is_in(size_t i, const std::vector<size_t>& list) {
  return std::find(list.begin(), list.end(), i) != list.end();
}

}  // namespace

Endpoints::Endpoints(const JudgeOptions& options) : file_(options.endpoint_file), key_(read_key(options.api_key_env)) {
  for (const std::string& url : options.base_urls) {
    if (!http::is_url(url)) {
      throw ConfigError("[judge] base_url", fmt::format("'{}' is no address like http://host:8000/v1", url));
    }
    endpoints_.push_back({{base_of(url), key_}, {}});
  }
  read_file();
  if (endpoints_.empty() && file_.empty()) {
    throw ConfigError("[judge]", "kind = \"openai\" needs base_url or endpoint_file");
  }
}

bool Endpoints::may_send(const Endpoint& endpoint, double now) const {
  return !endpoint.is_gone && now >= endpoint.held_until && endpoint.breaker.may_send(now);
}

std::optional<size_t> Endpoints::pick(double now, const std::vector<size_t>& refused, bool may_probe) const {
  const bool leaves_out_down = !may_probe && !are_all_down(refused);
  std::optional<size_t> best;
  const auto load = [this](size_t i) { return std::pair(endpoints_[i].n_in_flight, endpoints_[i].n_sent); };
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    if (!may_send(endpoints_[i], now) || is_in(i, refused) || (leaves_out_down && is_down(i))) continue;
    if (!best || load(i) < load(*best)) best = i;
  }
  return best;
}

bool Endpoints::are_all_down(const std::vector<size_t>& refused) const {
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    if (!endpoints_[i].is_gone && !is_down(i) && !is_in(i, refused)) return false;
  }
  return true;
}

double Endpoints::next_time(double now) const {
  double next = std::numeric_limits<double>::infinity();
  for (const Endpoint& endpoint : endpoints_) {
    if (endpoint.is_gone || may_send(endpoint, now)) continue;
    const bool is_waiting = endpoint.breaker.is_down() && !endpoint.breaker.is_probing();
    if (endpoint.breaker.is_down() && !is_waiting) continue;
    next = std::min(next, std::max(endpoint.held_until, is_waiting ? endpoint.breaker.probe_time() : 0));
  }
  return next;
}

bool Endpoints::read_file() {
  if (file_.empty()) return false;
  auto address = read_endpoint_file(file_);
  if (!address) return false;
  if (address->key.empty()) address->key = key_;
  if (of_file_ && endpoints_[*of_file_].address == *address) return false;
  if (of_file_) endpoints_[*of_file_].is_gone = true;
  of_file_ = endpoints_.size();
  endpoints_.push_back({*std::move(address), {}});
  return true;
}

void Endpoints::on_sent(size_t i) {
  ++endpoints_[i].n_in_flight;
  ++endpoints_[i].n_sent;
  endpoints_[i].breaker.on_sent();
}

void Endpoints::on_answer(size_t i) {
  --endpoints_[i].n_in_flight;
  endpoints_[i].breaker.on_answer();
}

void Endpoints::on_fault(size_t i, double now) {
  --endpoints_[i].n_in_flight;
  endpoints_[i].breaker.on_fault(now);
}

void Endpoints::drop_in_flight() {
  for (Endpoint& endpoint : endpoints_) {
    endpoint.n_in_flight = 0;
    endpoint.breaker.on_dropped();
  }
}

void Endpoints::hold(size_t i, double until) {
  endpoints_[i].held_until = std::max(endpoints_[i].held_until, until);
}

std::string Endpoints::describe() const {
  std::string text;
  for (const Endpoint& endpoint : endpoints_) {
    if (endpoint.is_gone) continue;
    text += (text.empty() ? "" : ", ") + http::without_credentials(endpoint.address.url);
  }
  return text.empty() ? file_ : text;
}

void Endpoints::redact(std::string& text) const {
  constexpr size_t kLeastOfAKey = 4;
  for (const Endpoint& endpoint : endpoints_) {
    const std::string& key = endpoint.address.key;
    if (key.size() < kLeastOfAKey) continue;
    for (size_t at = 0; (at = text.find(key, at)) != std::string::npos;) text.replace(at, key.size(), "***");
  }
}

}  // namespace saesweep::judge
