#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "judge/backoff.h"
#include "judge/budget.h"
#include "judge/circuit_breaker.h"
#include "judge/in_flight_limit.h"

namespace saesweep::judge {
namespace {

TEST(InFlightLimit, IsDividedWithoutRest) {
  for (const int n_ranks : {1, 3, 7, 100}) {
    int64_t sum = 0;
    for (int rank = 0; rank < n_ranks; ++rank) sum += share_of(64, rank, n_ranks);
    EXPECT_EQ(sum, 64) << n_ranks;
  }
  EXPECT_EQ(InFlightLimit(share_of(2, 5, 7), 10).slots(), 1) << "each rank may ask one at a time";
}

TEST(InFlightLimit, FallsOnceForAllThatWasSentBeforeAndGrowsBack) {
  InFlightLimit limit(64, 10);
  EXPECT_EQ(limit.slots(), 64);
  for (int i = 0; i < 30; ++i) limit.on_overload(1.0, 2.0);  // sent together, refused together
  EXPECT_EQ(limit.slots(), 48);
  limit.on_overload(2.5, 3.0);
  EXPECT_EQ(limit.slots(), 36);
  for (int i = 0; i < 37; ++i) limit.on_reply(4.0, 4.1);
  EXPECT_EQ(limit.slots(), 37) << "one more for each limit's worth of replies";
  for (int i = 0; i < 5000; ++i) limit.on_reply(4.0, 4.1);
  EXPECT_EQ(limit.slots(), 64) << "never above what was asked";
  limit.on_reply(5.0, 16.0);
  EXPECT_EQ(limit.slots(), 48) << "slow replies are overload, too";
  for (int i = 0; i < 100; ++i) limit.on_overload(20.0 + i, 20.5 + i);
  EXPECT_EQ(limit.slots(), 1);
}

TEST(Backoff, DoublesWithJitterAndHonoursTheServersWish) {
  double most = 0;
  for (int n = 1; n < 12; ++n) {
    const double least = backoff_seconds(n, 0, std::nullopt);
    most = backoff_seconds(n, 1, std::nullopt);
    EXPECT_NEAR(most, std::min(15.0, 0.25 * std::pow(2, n - 1)), 1e-9);
    EXPECT_NEAR(least, most / 2, 1e-9);
  }
  EXPECT_EQ(most, 15);
  EXPECT_GE(backoff_seconds(1, 0.5, 7.0), 7.0);
  EXPECT_EQ(backoff_seconds(1000, 1, std::nullopt), 15) << "no overflow";
}

TEST(CircuitBreaker, OpensAfterFaultsInARowAndProbesAtGrowingDistances) {
  CircuitBreaker breaker;
  for (int i = 0; i < 4; ++i) breaker.on_fault(0);
  breaker.on_answer();
  for (int i = 0; i < 4; ++i) breaker.on_fault(0);
  EXPECT_FALSE(breaker.is_down()) << "not in a row";
  breaker.on_fault(0);
  EXPECT_TRUE(breaker.is_down());
  double now = 0, last = 0;
  for (int probe = 0; probe < 12; ++probe) {
    EXPECT_FALSE(breaker.may_send(now));
    now = breaker.probe_time();
    EXPECT_GE(now - last, probe == 0 ? 0 : 0.1);
    EXPECT_TRUE(breaker.may_send(now));
    breaker.on_sent();
    EXPECT_FALSE(breaker.may_send(now + 100)) << "one probe at a time";
    last = now;
    breaker.on_fault(now);
    EXPECT_LE(breaker.probe_time() - now, 10 + 1e-9);
  }
  breaker.on_sent();
  breaker.on_answer();
  EXPECT_FALSE(breaker.is_down());
  EXPECT_TRUE(breaker.may_send(now));
}

TEST(CircuitBreaker, IsNotHeldUpByAProbeThatWasDropped) {
  CircuitBreaker breaker;
  breaker.trip(0);
  ASSERT_TRUE(breaker.may_send(1));
  breaker.on_sent();
  breaker.on_dropped();
  EXPECT_TRUE(breaker.may_send(1));
}

TEST(CircuitBreaker, FaultsOfEarlierRequestsDoNotPutTheProbeOff) {
  CircuitBreaker breaker;
  for (int i = 0; i < 64; ++i) breaker.on_fault(0);
  EXPECT_TRUE(breaker.may_send(0.1));
}

TEST(Budget, IsSpentByRequestsOrTokensOfTheRanksShare) {
  JudgeOptions options;
  EXPECT_FALSE(Budget(options, 0, 1).is_spent());
  options.budget_requests = 5;
  Budget first(options, 0, 2), second(options, 1, 2);
  first.on_sent();
  first.on_sent();
  second.on_sent();
  EXPECT_FALSE(first.is_spent());
  second.on_sent();
  EXPECT_TRUE(second.is_spent()) << "its share is 2 of 5";
  first.on_sent();
  EXPECT_TRUE(first.is_spent());
  EXPECT_NE(first.describe().find("budget_requests"), std::string::npos) << first.describe();
  JudgeOptions tokens;
  tokens.budget_tokens = 100;
  Budget of_tokens(tokens, 0, 1);
  of_tokens.on_tokens(99);
  EXPECT_FALSE(of_tokens.is_spent());
  of_tokens.on_tokens(1);
  EXPECT_TRUE(of_tokens.is_spent());
}

}  // namespace
}  // namespace saesweep::judge
