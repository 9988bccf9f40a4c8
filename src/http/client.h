#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace saesweep::http {

struct ClientOptions {
  //! Seconds to connect, until the first byte of a reply, and for a reply whole; all from the start of the request.
  double connect_timeout = 10;
  double first_byte_timeout = 120;
  double timeout = 300;
  //! A larger reply is dropped (after decompression).
  size_t max_reply_bytes = size_t{16} << 20;
};

//! A POST of JSON.
struct ClientRequest {
  std::string url;
  std::string body;
  //! Sent as `Authorization: Bearer`; "": none.
  std::string bearer;
};

//! Why no whole reply came.
enum class Fault { kNone, kConnect, kTimeout, kBroken, kTooLarge, kUntrusted };

struct Outcome {
  uint64_t tag = 0;
  Fault fault = Fault::kNone;
  //! What went wrong, in words.
  std::string message;
  //! HTTP's; 0 where none came.
  int status = 0;
  std::string body;
  //! The headers Retry-After and Location, "" where they did not come.
  std::string retry_after;
  std::string location;
  //! From start() to the end.
  double seconds = 0;
};

//! Sends requests, many at a time, over connections that it keeps. HTTP/1.1, and 2 where TLS offers it; certificates
//! are verified (against those of CURL_CA_BUNDLE or SSL_CERT_FILE, where the environment names them), proxies are those
//! of the environment (http_proxy, https_proxy, no_proxy), redirects are not followed. Of one thread, but for wake();
//! it works inside push() and wait() only.
class Client {
 public:
  explicit Client(const ClientOptions& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  //! tag: told apart from those of all others in flight.
  void start(uint64_t tag, ClientRequest request);
  //! Begins to send what was started, which wait() does, too.
  void push();
  //! Waits until a request ends, wake() is called, or the seconds are over; gives those that ended.
  std::vector<Outcome> wait(double seconds);
  //! Drops all requests in flight.
  void cancel_all();
  //! Those that wait() has not given yet.
  size_t n_in_flight() const;
  //! Ends wait(), now or, where none is going on, the next. Thread-safe.
  void wake();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace saesweep::http
