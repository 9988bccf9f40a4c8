#include "http/url.h"

#include <gtest/gtest.h>

namespace saesweep::http {
namespace {

TEST(HttpUrl, IsAnAddressOfAWebServer) {
  EXPECT_TRUE(is_url("http://localhost:8000/v1"));
  EXPECT_TRUE(is_url("https://[::1]:8000"));
  EXPECT_FALSE(is_url("localhost:8000/v1"));
  EXPECT_FALSE(is_url("ftp://localhost/"));
  EXPECT_FALSE(is_url("http://"));
  EXPECT_FALSE(is_url(""));
}

TEST(HttpUrl, LosesItsCredentials) {
  EXPECT_EQ(without_credentials("https://me:secret@host:81/v1"), "https://host:81/v1");
  EXPECT_EQ(without_credentials("http://host/v1"), "http://host/v1");
}

TEST(RetryAfter, IsReadAsSecondsOrAsADate) {
  EXPECT_EQ(retry_after_seconds("7", 0), 7);
  EXPECT_EQ(retry_after_seconds("0.5", 0), 0.5);
  // 1994-11-06 08:49:37 UTC, RFC 9110's own example, is 784111777 s after 1970 began.
  EXPECT_EQ(retry_after_seconds("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 - 30), 30);
  EXPECT_EQ(retry_after_seconds("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 + 30), 0);
  EXPECT_EQ(retry_after_seconds("", 0), std::nullopt);
  EXPECT_EQ(retry_after_seconds("soon", 0), std::nullopt);
  EXPECT_EQ(retry_after_seconds("-3", 0), std::nullopt);
}

}  // namespace
}  // namespace saesweep::http
