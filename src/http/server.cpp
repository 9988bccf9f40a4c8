#include "http/server.h"

#include <fmt/format.h>
#include <httplib.h>

#include <chrono>
#include <mutex>
#include <thread>

#include "base/errors.h"

namespace saesweep::http {

namespace {

constexpr size_t kLargestBody = size_t{64} << 20;
constexpr int kBacklog = 1024;

class Listener : public httplib::Server {
 public:
  // The library's own backlog of 5 drops connections of a burst, which the client's system then tries again after 1 s.
  void deepen_backlog() { ::listen(svr_sock_, kBacklog); }
};

void set_options(socket_t socket) {
  // Not SO_REUSEPORT, the library's default, by which two servers share a port without a word.
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

void answer(const Server::Handler& handler, const httplib::Request& request, httplib::Response& response) {
  ServerReply reply;
  try {
    reply = handler({request.method, request.path, request.body, request.get_header_value("Authorization")});
  } catch (const std::exception& error) {
    reply = {500, "text/plain", error.what()};
  }
  response.status = reply.status;
  response.set_content(reply.body, reply.content_type);
}

std::string host_in_url(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace

struct Server::State {
  Listener listener;
  std::string host;
  int port = 0;
  std::thread thread;
  std::once_flag stopped;
  std::mutex joining;
};

[[noreturn]] void refuse_address(const std::string& host, int port, int error) {
  const std::string reason = error != 0 ? std::system_category().message(error) : "no address of this machine";
  throw InputError(fmt::format("{}:{}", host, port), "nothing can listen there: " + reason);
}

Server::Server(const std::string& host, int port, Handler handler, int n_threads) : state_(std::make_unique<State>()) {
  Listener& listener = state_->listener;
  listener.new_task_queue = [n_threads] { return new httplib::ThreadPool(static_cast<size_t>(n_threads)); };
  listener.set_tcp_nodelay(true);
  listener.set_socket_options(set_options);
  listener.set_keep_alive_timeout(2);
  listener.set_keep_alive_max_count(1 << 30);
  listener.set_read_timeout(60);
  listener.set_write_timeout(60);
  listener.set_payload_max_length(kLargestBody);
  const auto serve = [handler = std::move(handler)](const httplib::Request& request, httplib::Response& response) {
    answer(handler, request, response);
  };
  listener.Get(".*", serve).Post(".*", serve);
  state_->host = host;
  errno = 0;
  state_->port = port == 0 ? listener.bind_to_any_port(host) : listener.bind_to_port(host, port) ? port : -1;
  if (state_->port < 0) refuse_address(host, port, errno);
  listener.deepen_backlog();
  state_->thread = std::thread([&listener] { listener.listen_after_bind(); });
  while (!listener.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // stop() needs it running
}

Server::~Server() {
  stop();
}

int Server::port() const {
  return state_->port;
}

std::string Server::url() const {
  return fmt::format("http://{}:{}", host_in_url(state_->host), state_->port);
}

void Server::wait() {
  const std::lock_guard lock(state_->joining);
  if (state_->thread.joinable()) state_->thread.join();
}

void Server::stop() {
  std::call_once(state_->stopped, [this] { state_->listener.stop(); });
  wait();
}

}  // namespace saesweep::http
