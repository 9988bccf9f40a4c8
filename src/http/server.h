#pragma once

#include <functional>
#include <memory>
#include <string>

namespace saesweep::http {

struct ServerRequest {
  //! "GET" or "POST"; anything else is answered with 404 by the server itself.
  std::string method;
  //! Without the query.
  std::string path;
  std::string body;
  //! The header Authorization, "" where none came.
  std::string authorization;
};

struct ServerReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

//! Serves HTTP/1.1 with keep-alive, from its making until stop() or its end.
class Server {
 public:
  //! Called by several threads at a time. What it throws is answered with status 500 and the message.
  using Handler = std::function<ServerReply(const ServerRequest&)>;

  //! Listens at host (a name or an address) and port (0: any free one). n_threads: connections served at a time; others
  //! wait. Throws InputError where nothing can listen there.
  Server(const std::string& host, int port, Handler handler, int n_threads = 64);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const;
  //! http://HOST:PORT
  std::string url() const;
  //! Returns after stop().
  void wait();
  //! Takes no more connections and waits until those that are open are answered (idle ones are closed within 2 s).
  //! Thread-safe.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace saesweep::http
