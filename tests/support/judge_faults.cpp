#include "support/judge_faults.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <optional>
#include <stdexcept>

#include "base/hash.h"
#include "base/json.h"

namespace saesweep::test {

namespace {

//! Waits until there is something to read, in steps that let the server end.
bool wait_readable(int socket, const std::atomic<bool>& is_ending) {
  while (!is_ending) {
    pollfd waited{socket, POLLIN, 0};
    if (::poll(&waited, 1, 20) != 0) return true;
  }
  return false;
}

bool send_all(int socket, const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<size_t>(n);
  }
  return true;
}

std::string response(int status, const std::string& body, const std::string& type = "application/json",
                     const std::string& more = "") {
  return fmt::format("HTTP/1.1 {} X\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n{}", status, type, body.size(),
                     more, body);
}

//! The value of a header, or "".
std::string header(const std::string& head, const std::string& name) {
  const size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const size_t begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

Json tokens_of(const std::string& text) {
  Json tokens = Json::array();
  for (const char c : text) {
    Json top = {{{"token", std::string(1, c)}, {"logprob", -0.25}}};
    if (std::isdigit(static_cast<unsigned char>(c))) top.push_back({{"token", c == '0' ? "1" : "0"}, {"logprob", -2.}});
    tokens.push_back({{"token", std::string(1, c)}, {"logprob", -0.25}, {"top_logprobs", top}});
  }
  return tokens;
}

Json reply_of(const std::string& text) {
  return {{"choices",
           {{{"message", {{"role", "assistant"}, {"content", text}}},
             {"logprobs", {{"content", tokens_of(text)}}},
             {"finish_reason", "stop"}}}},
          {"usage", {{"prompt_tokens", 10}, {"completion_tokens", text.size()}}}};
}

std::string right_answer(const std::string& message) {
  const size_t begin = message.find_last_not_of("0123456789") + 1;
  return fmt::format("[{}, 1, 0]", std::stoi(message.substr(begin)) % 2);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

//! The body of a reply whose content is at fault.
std::string faulty_body(JudgeFault fault, const std::string& message) {
  Json reply = reply_of(right_answer(message));
  switch (fault) {
    case JudgeFault::kWrongNumber:
      return reply_of("[1, 0]").dump();
    case JudgeFault::kNoChoices:
      reply["choices"] = Json::array();
      return reply.dump();
    case JudgeFault::kNoLogprobs:
      reply["choices"][0]["logprobs"] = nullptr;
      return reply.dump();
    case JudgeFault::kNanLogprobs:
      return replaced(reply.dump(), "-0.25", "NaN");
    case JudgeFault::kMillion:
      reply["choices"][0]["message"]["content"] = std::string(1'000'000, 'a');
      return reply.dump();
    case JudgeFault::kInvalidUtf8:
      return replaced(reply.dump(), "assistant", "assist\xC3\x28nt");
    default:
      return reply.dump();
  }
}

void close_with_reset(int socket) {
  const linger now{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

}  // namespace

FaultyJudge::FaultyJudge(Script script, int port) : script_(std::move(script)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, any, sizeof(address)) != 0 || ::listen(listener_, 256) != 0) {
    throw std::runtime_error("FaultyJudge cannot listen");
  }
  socklen_t size = sizeof(address);
  ::getsockname(listener_, any, &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { listen(); });
}

FaultyJudge::~FaultyJudge() {
  is_ending_ = true;
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
}

std::string FaultyJudge::url() const {
  return fmt::format("http://127.0.0.1:{}/v1", port_);
}

std::set<std::string> FaultyJudge::keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

void FaultyJudge::refuse(int status, const std::string& body) {
  const std::lock_guard lock(mutex_);
  refusal_status_ = status;
  refusal_body_ = body;
}

void FaultyJudge::listen() {
  while (wait_readable(listener_, is_ending_)) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    ++n_connections_;
    const int yes = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    threads_.emplace_back([this, socket] { serve(socket); });
  }
}

void FaultyJudge::serve(int socket) {
  std::string bytes;
  char buffer[16384];
  while (wait_readable(socket, is_ending_)) {
    const ssize_t n = ::recv(socket, buffer, sizeof(buffer), 0);
    if (n <= 0) break;
    bytes.append(buffer, static_cast<size_t>(n));
    const size_t end = bytes.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    const std::string head = bytes.substr(0, end + 2);
    const size_t size = end + 4 + std::stoul("0" + header(head, "Content-Length"));
    if (bytes.size() < size) continue;
    if (!answer(socket, head, bytes.substr(end + 4, size - end - 4))) break;
    bytes.erase(0, size);
  }
  ::close(socket);
}

bool FaultyJudge::answer(int socket, const std::string& head, const std::string& body) {
  ++n_requests_;
  const std::string message = Json::parse(body).at("messages").back().at("content");
  int n_seen = 0;
  std::optional<std::string> refusal;
  {
    const std::lock_guard lock(mutex_);
    keys_.insert(header(head, "Authorization"));
    n_seen = n_seen_[message]++;
    if (refusal_status_ != 0) refusal = response(refusal_status_, refusal_body_);
  }
  return refusal ? send_all(socket, *refusal) : play(socket, script_(message, n_seen), message);
}

bool FaultyJudge::play(int socket, JudgeFault fault, const std::string& message) {
  const std::string good = response(200, reply_of(right_answer(message)).dump());
  switch (fault) {
    case JudgeFault::kReset:
      close_with_reset(socket);
      return false;
    case JudgeFault::kCutShort:
      send_all(socket, good.substr(0, good.size() / 2));
      return false;
    case JudgeFault::kSlowBytes:
      for (const char byte : good) {
        if (is_ending_ || !send_all(socket, std::string(1, byte))) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
      return true;
    case JudgeFault::kHang:
      wait_readable(socket, is_ending_);
      return false;
    case JudgeFault::kTooMany:
      return send_all(socket, response(429, R"({"error":{"message":"slow down"}})"));
    case JudgeFault::kTooManyLater:
      return send_all(socket, response(429, "{}", "application/json", "Retry-After: 0\r\n"));
    case JudgeFault::kError:
      return send_all(socket, response(500, "Internal Server Error", "text/plain"));
    case JudgeFault::kUnavailable:
      return send_all(socket, response(503, "{}"));
    case JudgeFault::kHtml:
      return send_all(socket, response(200, "<html><body>Please log in</body></html>", "text/html"));
    case JudgeFault::kTruncated: {
      const std::string body = reply_of(right_answer(message)).dump();
      return send_all(socket, response(200, body.substr(0, body.size() - 20)));
    }
    default:
      return send_all(socket, response(200, faulty_body(fault, message)));
  }
}

FaultyJudge::Script faults_for(double share) {
  return [share](const std::string& message, int n_seen) {
    const uint64_t random = leading_number(sha256(fmt::format("{} {}", message, n_seen)));
    if (static_cast<double>(random >> 11) * 0x1p-53 >= share) return JudgeFault::kNone;
    const auto n_kinds = static_cast<uint64_t>(JudgeFault::kCount) - 1;
    return static_cast<JudgeFault>(1 + random % n_kinds);
  };
}

}  // namespace saesweep::test
