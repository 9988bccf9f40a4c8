#include "http/client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/errors.h"

namespace saesweep::http {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct FreeEasy {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeMulti {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using Multi = std::unique_ptr<CURLM, FreeMulti>;
using List = std::unique_ptr<curl_slist, FreeList>;

//! libcurl counts its users.
struct Library {
  Library() {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) throw SystemError("libcurl cannot start");
  }
  ~Library() { curl_global_cleanup(); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

void check(CURLMcode code, const char* call) {
  if (code != CURLM_OK) throw SystemError(fmt::format("libcurl: {}: {}", call, curl_multi_strerror(code)));
}

void append(List& list, const std::string& header) {
  curl_slist* longer = curl_slist_append(list.get(), header.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  std::ignore = list.release();
  list.reset(longer);
}

struct Transfer {
  Easy easy{curl_easy_init()};
  List headers;
  ClientRequest request;
  Outcome outcome;
  size_t max_reply_bytes = 0;
  bool has_first_byte = false;
  bool is_too_large = false;
  Clock::time_point started;
  std::array<char, CURL_ERROR_SIZE> error{};
};

size_t take_body(char* bytes, size_t, size_t n, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.is_too_large = transfer.outcome.body.size() + n > transfer.max_reply_bytes;
  if (transfer.is_too_large) return 0;
  transfer.outcome.body.append(bytes, n);
  return n;
}

//! The value of a header line of that name (in lower case), or nothing.
bool read_header(std::string_view line, std::string_view name, std::string& value) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; };
  if (line.size() <= name.size() || line[name.size()] != ':') return false;
  if (!std::equal(name.begin(), name.end(), line.begin(), [&](char a, char b) { return same(b, a); })) return false;
  line.remove_prefix(name.size() + 1);
  const size_t begin = line.find_first_not_of(" \t");
  const size_t end = line.find_last_not_of(" \t\r\n");
  value = begin == std::string_view::npos ? "" : line.substr(begin, end + 1 - begin);
  return true;
}

size_t take_header(char* bytes, size_t, size_t n, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(bytes, n);
  transfer.has_first_byte = true;
  if (line.starts_with("HTTP/")) {  // a proxy's or an interim answer may have stood before
    transfer.outcome.retry_after.clear();
    transfer.outcome.location.clear();
  }
  read_header(line, "retry-after", transfer.outcome.retry_after) ||
      read_header(line, "location", transfer.outcome.location);
  return n;
}

Fault fault_of(CURLcode code, const Transfer& transfer) {
  switch (code) {
    case CURLE_OK:
      return Fault::kNone;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Fault::kConnect;
    case CURLE_OPERATION_TIMEDOUT:
      return Fault::kTimeout;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return Fault::kUntrusted;
    default:
      return transfer.is_too_large ? Fault::kTooLarge : Fault::kBroken;
  }
}

long milliseconds(double seconds) {
  return std::lround(std::ceil(std::clamp(seconds, 0.0, 1e6) * 1000));
}

//! Certificates that are trusted, where the environment names them as it does for curl: those that libcurl was built to
//! look for are elsewhere on some systems.
void set_authorities(CURL* easy) {
  for (const char* variable : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const char* path = std::getenv(variable);
    if (path == nullptr || *path == 0) continue;
    curl_easy_setopt(easy, CURLOPT_CAINFO, path);
    return;
  }
}

void restrict_protocols(CURL* easy) {
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
}

}  // namespace

struct Client::State {
  Library library;
  ClientOptions options;
  Multi multi{curl_multi_init()};
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> active;
  std::vector<std::unique_ptr<Transfer>> idle;
  std::vector<Outcome> ended;

  std::unique_ptr<Transfer> new_transfer();
  void set_up(Transfer& transfer) const;
  void set_callbacks(Transfer& transfer) const;
  void perform();
  void collect();
  void expire();
  void end(CURL* easy, CURLcode code);
  double seconds_to_deadline() const;
};

std::unique_ptr<Transfer> Client::State::new_transfer() {
  if (idle.empty()) return std::make_unique<Transfer>();
  auto transfer = std::move(idle.back());
  idle.pop_back();
  return transfer;
}

void Client::State::set_up(Transfer& transfer) const {
  CURL* easy = transfer.easy.get();
  const ClientRequest& request = transfer.request;
  curl_easy_reset(easy);  // which keeps connections
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  restrict_protocols(easy);
  set_authorities(easy);
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  transfer.headers.reset();
  append(transfer.headers, "Content-Type: application/json");
  append(transfer.headers, "Accept: application/json");
  append(transfer.headers, "Expect:");  // else libcurl waits 1 s for servers to agree to a large body
  if (!request.bearer.empty()) append(transfer.headers, "Authorization: Bearer " + request.bearer);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers.get());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "saesweep/" SAESWEEP_VERSION);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  // Over TLS requests of a burst wait to learn whether they can share a connection; without, they would wait for a
  // reply.
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, request.url.starts_with("https:") ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options.connect_timeout));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(options.timeout));
  set_callbacks(transfer);
}

void Client::State::set_callbacks(Transfer& transfer) const {
  CURL* easy = transfer.easy.get();
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error.data());
}

void Client::State::perform() {
  int n_running = 0;
  check(curl_multi_perform(multi.get(), &n_running), "perform");
  collect();
}

void Client::State::collect() {
  int n_left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi.get(), &n_left)) {
    if (message->msg == CURLMSG_DONE) end(message->easy_handle, message->data.result);
  }
}

void Client::State::end(CURL* easy, CURLcode code) {
  auto node = active.extract(easy);
  auto transfer = std::move(node.mapped());
  Outcome& outcome = transfer->outcome;
  outcome.fault = fault_of(code, *transfer);
  outcome.seconds = seconds_since(transfer->started);
  if (code != CURLE_OK) {
    outcome.message = transfer->error.front() != 0 ? transfer->error.data() : curl_easy_strerror(code);
  }
  if (outcome.fault == Fault::kTooLarge) {
    outcome.message = fmt::format("the reply is larger than {} bytes", options.max_reply_bytes);
  }
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  outcome.status = static_cast<int>(status);
  curl_multi_remove_handle(multi.get(), easy);
  ended.push_back(std::exchange(outcome, {}));
  transfer->request = {};
  idle.push_back(std::move(transfer));
}

void Client::State::expire() {
  std::vector<Transfer*> late;
  for (const auto& [easy, transfer] : active) {
    if (!transfer->has_first_byte && seconds_since(transfer->started) >= options.first_byte_timeout) {
      late.push_back(transfer.get());
    }
  }
  for (Transfer* transfer : late) {
    transfer->error = {};
    const auto text = fmt::format("no reply began within {:g} s", options.first_byte_timeout);
    std::copy_n(text.begin(), std::min(text.size(), transfer->error.size() - 1), transfer->error.begin());
    end(transfer->easy.get(), CURLE_OPERATION_TIMEDOUT);
  }
}

double Client::State::seconds_to_deadline() const {
  double least = 1e6;
  for (const auto& [easy, transfer] : active) {
    if (!transfer->has_first_byte) {
      least = std::min(least, options.first_byte_timeout - seconds_since(transfer->started));
    }
  }
  return least;
}

Client::Client(const ClientOptions& options) : state_(std::make_unique<State>()) {
  state_->options = options;
  curl_multi_setopt(state_->multi.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
}

Client::~Client() {
  cancel_all();
}

void Client::start(uint64_t tag, ClientRequest request) {
  auto transfer = state_->new_transfer();
  transfer->request = std::move(request);
  transfer->outcome = {};
  transfer->outcome.tag = tag;
  transfer->max_reply_bytes = state_->options.max_reply_bytes;
  transfer->has_first_byte = false;
  transfer->is_too_large = false;
  transfer->error = {};
  transfer->started = Clock::now();
  state_->set_up(*transfer);
  CURL* easy = transfer->easy.get();
  check(curl_multi_add_handle(state_->multi.get(), easy), "add_handle");
  state_->active.emplace(easy, std::move(transfer));
}

void Client::push() {
  state_->perform();
}

std::vector<Outcome> Client::wait(double seconds) {
  state_->perform();
  if (state_->ended.empty()) {
    const double most = std::min(seconds, state_->seconds_to_deadline());
    check(curl_multi_poll(state_->multi.get(), nullptr, 0, static_cast<int>(milliseconds(most)), nullptr), "poll");
    state_->perform();
    state_->expire();
  }
  return std::exchange(state_->ended, {});
}

void Client::cancel_all() {
  for (const auto& [easy, transfer] : state_->active) curl_multi_remove_handle(state_->multi.get(), easy);
  state_->active.clear();
  state_->ended.clear();
}

size_t Client::n_in_flight() const {
  return state_->active.size() + state_->ended.size();
}

void Client::wake() {
  curl_multi_wakeup(state_->multi.get());
}

}  // namespace saesweep::http
