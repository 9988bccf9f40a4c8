#include "http/server.h"

#include <gtest/gtest.h>

#include "base/errors.h"

namespace saesweep::http {
namespace {

TEST(HttpServer, TellsThePortThatItWasGiven) {
  Server server("127.0.0.1", 0, [](const ServerRequest&) { return ServerReply{}; });
  EXPECT_GT(server.port(), 0);
  EXPECT_EQ(server.url(), "http://127.0.0.1:" + std::to_string(server.port()));
}

TEST(HttpServer, RefusesAPortInUse) {
  Server server("127.0.0.1", 0, [](const ServerRequest&) { return ServerReply{}; });
  EXPECT_THROW(Server("127.0.0.1", server.port(), [](const ServerRequest&) { return ServerReply{}; }), InputError);
}

TEST(HttpServer, RefusesAHostThatIsNotOurs) {
  EXPECT_THROW(Server("203.0.113.7", 0, [](const ServerRequest&) { return ServerReply{}; }), InputError);
}

}  // namespace
}  // namespace saesweep::http
