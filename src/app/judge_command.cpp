#include "app/judge_command.h"

#include <fmt/format.h>
#include <pthread.h>

#include <boost/program_options.hpp>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <utility>

#include "app/arguments.h"
#include "base/errors.h"
#include "http/server.h"
#include "judge/chat_server.h"

namespace saesweep::app {

namespace {

namespace po = boost::program_options;

constexpr const char* kUsage =
    "Usage: saesweep judge --listen HOST:PORT\n\n"
    "Serves the embedded lexical judge over the OpenAI protocol: /v1/chat/completions with logprobs,\n"
    "/v1/completions with echo, /v1/models, /health. It needs no model; it knows words, not meaning.\n"
    "The address is printed to stderr. Ends with 0 on SIGINT and SIGTERM.\n";

po::options_description describe() {
  po::options_description options("Options");
  options.add_options()("listen", po::value<std::string>()->default_value("127.0.0.1:8000")->value_name("HOST:PORT"),
                        "where to listen; port 0: any free one");
  return options;
}

std::pair<std::string, int> address_of(const std::string& text) {
  const size_t colon = text.rfind(':');
  int port = -1;
  if (colon != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error != std::errc() || read != end) port = -1;
  }
  if (colon == std::string::npos || colon == 0 || port < 0 || port > 65535) {
    throw ConfigError("--listen", fmt::format("found '{}', expected HOST:PORT, as 127.0.0.1:8000", text));
  }
  return {text.substr(0, colon), port};
}

//! Signals that end the serving, blocked from here on in all threads that are made, so that wait() gets them.
class EndingSignals {
 public:
  EndingSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  void wait() const {
    int signal = 0;
    sigwait(&set_, &signal);
  }

 private:
  sigset_t set_{};
};

}  // namespace

int judge_command(const std::vector<std::string>& args) {
  const po::options_description options = describe();
  const po::variables_map given = parse_arguments("judge", args, options, "");
  if (given.contains("help")) {
    fmt::print("{}", help_text(kUsage, options));
    return static_cast<int>(ExitCode::kDone);
  }
  const auto [host, port] = address_of(given["listen"].as<std::string>());
  const EndingSignals signals;
  http::Server server(host, port, judge::serve_lexical);
  fmt::print(stderr, "listening on {}/v1\n", server.url());
  signals.wait();
  server.stop();
  return static_cast<int>(ExitCode::kDone);
}

}  // namespace saesweep::app
