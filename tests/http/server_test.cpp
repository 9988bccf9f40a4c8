#include "http/server.h"

#include <gtest/gtest.h>

#include <string>

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
  try {
    const Server second("127.0.0.1", server.port(), [](const ServerRequest&) { return ServerReply{}; });
    FAIL();
  } catch (const InputError& error) {
    EXPECT_TRUE(std::string(error.what()).ends_with("nothing can listen there: Address already in use"))
        << error.what();
  }
}

TEST(HttpServer, RefusesAHostThatIsNotOurs) {
  EXPECT_THROW(Server("203.0.113.7", 0, [](const ServerRequest&) { return ServerReply{}; }), InputError);
}

}  // namespace
}  // namespace saesweep::http
