#include "http/client.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "http/server.h"

namespace saesweep::http {
namespace {

Outcome outcome_of(Client& client, double seconds = 5) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < until) {
    auto ended = client.wait(0.1);
    if (!ended.empty()) return ended.front();
  }
  return {};
}

class HttpClient : public testing::Test {
 protected:
  void SetUp() override { ::setenv("no_proxy", "*", 1); }
};

TEST_F(HttpClient, SendsBodyAndKeyAndGivesTheReply) {
  ServerRequest seen;
  Server server("127.0.0.1", 0, [&](const ServerRequest& request) {
    seen = request;
    return ServerReply{201, "application/json", "{}"};
  });
  Client client({});
  client.start(7, {server.url() + "/v1/x", R"({"a":1})", "the key"});
  const Outcome outcome = outcome_of(client);
  EXPECT_EQ(outcome.tag, 7u);
  EXPECT_EQ(outcome.fault, Fault::kNone) << outcome.message;
  EXPECT_EQ(outcome.status, 201);
  EXPECT_EQ(outcome.body, "{}");
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/v1/x");
  EXPECT_EQ(seen.body, R"({"a":1})");
  EXPECT_EQ(seen.authorization, "Bearer the key");
}

TEST_F(HttpClient, HasManyRequestsInFlight) {
  std::atomic<int> now = 0, most = 0;
  Server server("127.0.0.1", 0, [&](const ServerRequest&) {
    const int n = ++now;
    for (int seen = most; n > seen && !most.compare_exchange_weak(seen, n);) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    --now;
    return ServerReply{};
  });
  Client client({});
  for (uint64_t tag = 0; tag < 16; ++tag) client.start(tag, {server.url(), "", ""});
  size_t n_ended = 0;
  while (n_ended < 16) n_ended += client.wait(5).size();
  EXPECT_EQ(most, 16);
}

TEST_F(HttpClient, SaysThatNoOneListens) {
  int port = 0;
  {
    port = Server("127.0.0.1", 0, [](const ServerRequest&) { return ServerReply{}; }).port();
  }
  Client client({});
  client.start(0, {"http://127.0.0.1:" + std::to_string(port), "", ""});
  EXPECT_EQ(outcome_of(client).fault, Fault::kConnect);
}

TEST_F(HttpClient, EndsRequestsWhoseReplyDoesNotBegin) {
  Server server("127.0.0.1", 0, [](const ServerRequest&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    return ServerReply{};
  });
  Client client({.first_byte_timeout = 0.1});
  client.start(0, {server.url(), "", ""});
  const Outcome outcome = outcome_of(client);
  EXPECT_EQ(outcome.fault, Fault::kTimeout);
  EXPECT_EQ(outcome.message, "no reply began within 0.1 s");
  EXPECT_LT(outcome.seconds, 0.4);
}

TEST_F(HttpClient, DropsRepliesThatAreTooLarge) {
  Server server("127.0.0.1", 0, [](const ServerRequest&) {
    return ServerReply{200, "text/plain", std::string(2000, 'x')};
  });
  Client client({.max_reply_bytes = 1000});
  client.start(0, {server.url(), "", ""});
  EXPECT_EQ(outcome_of(client).fault, Fault::kTooLarge);
}

TEST_F(HttpClient, GoesThroughTheProxyOfTheEnvironment) {
  std::string seen;
  Server proxy("127.0.0.1", 0, [&](const ServerRequest& request) {
    seen = request.path;
    return ServerReply{200, "text/plain", "by proxy"};
  });
  ::unsetenv("no_proxy");
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  Client client({});
  client.start(0, {"http://judge.invalid/v1/x", "", ""});
  const Outcome outcome = outcome_of(client);
  ::unsetenv("http_proxy");
  EXPECT_EQ(outcome.body, "by proxy") << outcome.message;
  EXPECT_NE(seen.find("/v1/x"), std::string::npos);
}

TEST_F(HttpClient, DoesNotFollowRedirectsWithItsKey) {
  int n_elsewhere = 0;
  Server elsewhere("127.0.0.1", 0, [&](const ServerRequest&) {
    ++n_elsewhere;
    return ServerReply{};
  });
  httplib::Server server;
  server.Post(".*", [&](const httplib::Request&, httplib::Response& response) {
    response.set_redirect(elsewhere.url() + "/v1", 307);
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread serving([&] { server.listen_after_bind(); });
  Outcome outcome;
  {
    Client client({});
    client.start(0, {"http://127.0.0.1:" + std::to_string(port), "", "key"});
    outcome = outcome_of(client);
  }
  server.stop();
  serving.join();
  EXPECT_EQ(outcome.status, 307);
  EXPECT_EQ(outcome.location, elsewhere.url() + "/v1");
  EXPECT_EQ(n_elsewhere, 0);
}

TEST_F(HttpClient, IsWokenFromAnotherThread) {
  Client client({});
  std::thread waker([&] { client.wake(); });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(client.wait(30).empty());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  waker.join();
}

}  // namespace
}  // namespace saesweep::http
