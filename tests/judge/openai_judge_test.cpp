#include "judge/openai_judge.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "base/errors.h"
#include "base/files.h"
#include "judge/scripted_work.h"
#include "support/judge_faults.h"
#include "support/temporary_folder.h"

namespace saesweep::judge {
namespace {

using saesweep::test::FaultyJudge;
using saesweep::test::JudgeFault;
using saesweep::test::TemporaryFolder;
using test::ScriptedWork;

FaultyJudge::Script always(JudgeFault fault) {
  return [fault](const std::string&, int) { return fault; };
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class OpenAiJudgeTest : public testing::Test {
 protected:
  void SetUp() override { ::setenv("no_proxy", "*", 1); }

  JudgeOptions options(const std::string& url) const {
    JudgeOptions options;
    options.kind = "openai";
    options.base_urls = {url};
    options.model = "m";
    options.max_in_flight = 16;
    options.connect_timeout = 1;
    options.first_byte_timeout = 0.4;
    options.timeout = 0.8;
    options.give_up_after = 20;
    return options;
  }
  JudgePlace place(const std::string& folder = "cache") const { return {folder_.path() / folder, {}, 0, 1, Log()}; }

  std::map<uint64_t, Reply> replies_without_faults(int n) {
    FaultyJudge server(always(JudgeFault::kNone));
    ScriptedWork work(n);
    OpenAiJudge(options(server.url()), place("faultless")).answer(work);
    return work.replies;
  }

  template <typename Error>
  std::string message_of(OpenAiJudge& judge, Work& work) {
    try {
      judge.answer(work);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  TemporaryFolder folder_;
};

TEST_F(OpenAiJudgeTest, GivesRepliesWithTheirTokens) {
  const auto replies = replies_without_faults(2);
  ASSERT_EQ(replies.size(), 2u);
  const Reply& reply = replies.at(1);
  EXPECT_EQ(reply.text, "[1, 1, 0]");
  ASSERT_EQ(reply.tokens.size(), 9u);
  EXPECT_EQ(reply.tokens[1], (ReplyToken{"1", {{"1", -0.25}, {"0", -2}}}));
  EXPECT_EQ(reply.n_prompt_tokens, 10);
  EXPECT_EQ(reply.n_reply_tokens, 9);
}

TEST_F(OpenAiJudgeTest, FaultsOfAThirdOfAllRepliesChangeNone) {
  constexpr int kRequests = 200;
  const auto wanted = replies_without_faults(kRequests);
  FaultyJudge server(saesweep::test::faults_for(0.3));
  ScriptedWork work(kRequests);
  OpenAiJudge judge(options(server.url()), place());
  judge.answer(work);
  EXPECT_EQ(work.given_up.size(), 0u);
  EXPECT_EQ(work.replies, wanted);
  const JudgeUsage usage = judge.usage();
  // curl itself sends again what it wrote to a kept connection that turns out to be closed.
  EXPECT_LE(usage.n_sent, server.n_requests());
  EXPECT_EQ(usage.n_sent, kRequests + usage.n_transport_faults + usage.n_unusable);
  EXPECT_GT(usage.n_transport_faults, kRequests / 10);
  EXPECT_GT(usage.n_unusable, kRequests / 20);
}

TEST_F(OpenAiJudgeTest, AnsweredRequestsAreNeverSentAgain) {
  constexpr int kRequests = 100;
  FaultyJudge server(saesweep::test::faults_for(0.3));
  ScriptedWork first(kRequests);
  OpenAiJudge(options(server.url()), place()).answer(first);
  const int n_requests = server.n_requests();

  ScriptedWork second(kRequests);
  auto elsewhere = options("http://127.0.0.1:1/v1");  // where no one listens
  OpenAiJudge judge(elsewhere, place());
  judge.answer(second);
  EXPECT_EQ(second.replies, first.replies);
  EXPECT_EQ(judge.usage().n_from_cache, kRequests);
  EXPECT_EQ(judge.usage().n_sent, 0);
  EXPECT_EQ(server.n_requests(), n_requests);

  ScriptedWork third(kRequests);
  JudgePlace other{folder_.path() / "other", {folder_.path() / "cache"}, 3, 4, Log()};
  OpenAiJudge(elsewhere, other).answer(third);
  EXPECT_EQ(third.replies, first.replies);
}

class TransportFaultTest : public OpenAiJudgeTest, public testing::WithParamInterface<JudgeFault> {};

TEST_P(TransportFaultTest, OfEveryReplyStopsTheRunInTimeAndKeepsWhatWasThere) {
  {
    FaultyJudge server(always(JudgeFault::kNone));
    ScriptedWork work(10);
    OpenAiJudge(options(server.url()), place()).answer(work);
  }
  FaultyJudge server(always(GetParam()));
  auto impatient = options(server.url());
  impatient.give_up_after = 1;
  OpenAiJudge judge(impatient, place());
  ScriptedWork work(60);
  const auto start = std::chrono::steady_clock::now();
  const std::string message = message_of<StoppedError>(judge, work);
  EXPECT_LT(seconds_since(start), 3);
  EXPECT_NE(message.find(server.url() + ": no usable reply since "), std::string::npos) << message;
  EXPECT_EQ(work.replies.size(), 10u);
  EXPECT_TRUE(work.given_up.empty());
  EXPECT_EQ(judge.usage().n_from_cache, 10);
}

INSTANTIATE_TEST_SUITE_P(Judge, TransportFaultTest,
                         testing::Values(JudgeFault::kReset, JudgeFault::kCutShort, JudgeFault::kSlowBytes,
                                         JudgeFault::kHang, JudgeFault::kTooMany, JudgeFault::kTooManyLater,
                                         JudgeFault::kError, JudgeFault::kUnavailable, JudgeFault::kHtml,
                                         JudgeFault::kTruncated));

class ContentFaultTest : public OpenAiJudgeTest, public testing::WithParamInterface<JudgeFault> {
 protected:
  //! A million characters take their time under sanitizers, and slowness is no fault here.
  JudgeOptions patient(const std::string& url) const {
    JudgeOptions made = options(url);
    made.first_byte_timeout = 20;
    made.timeout = 60;
    made.give_up_after = 60;
    return made;
  }
};

TEST_P(ContentFaultTest, IsAskedForFiveTimesMoreAndThenMissing) {
  FaultyJudge server(
      [](const std::string& message, int) { return message == "Number 3" ? GetParam() : JudgeFault::kNone; });
  ScriptedWork work(8);
  OpenAiJudge judge(patient(server.url()), place());
  judge.answer(work);
  EXPECT_EQ(work.replies.size(), 7u);
  ASSERT_EQ(work.given_up.size(), 1u);
  EXPECT_TRUE(work.given_up.contains(3));
  EXPECT_EQ(server.n_requests(), 7 + 6);
  EXPECT_EQ(judge.usage().n_unusable, 6);
  EXPECT_EQ(judge.usage().n_transport_faults, 0);
}

TEST_P(ContentFaultTest, OfEveryReplyStopsTheRunAndMakesNothingMissing) {
  FaultyJudge server(always(GetParam()));
  ScriptedWork work(100);
  OpenAiJudge judge(patient(server.url()), place());
  const std::string message = message_of<StoppedError>(judge, work);
  EXPECT_NE(message.find("20 requests in a row got no usable reply"), std::string::npos) << message;
  EXPECT_TRUE(work.given_up.empty());
}

INSTANTIATE_TEST_SUITE_P(Judge, ContentFaultTest,
                         testing::Values(JudgeFault::kWrongNumber, JudgeFault::kNoChoices, JudgeFault::kNoLogprobs,
                                         JudgeFault::kNanLogprobs, JudgeFault::kMillion, JudgeFault::kInvalidUtf8));

TEST_F(OpenAiJudgeTest, NeverHasMoreInFlightThanItsShare) {
  FaultyJudge server(always(JudgeFault::kNone));
  ScriptedWork work(200);
  auto limited = options(server.url());
  limited.max_in_flight = 10;
  OpenAiJudge judge(limited, {folder_.path() / "cache", {}, 2, 4, Log()});  // 10 over 4 ranks: 3, 3, 2, 2
  judge.answer(work);
  EXPECT_EQ(server.n_connections(), 2);
  EXPECT_LE(work.most_open, 2 * 2) << "in flight, and arrived but not read: requests are not stored up";
}

TEST_F(OpenAiJudgeTest, OutlastsAnEndpointThatGoesAway) {
  auto server = std::make_unique<FaultyJudge>(always(JudgeFault::kNone));
  const int port = server->port();
  OpenAiJudge judge(options(server->url()), place());
  ScriptedWork before(5);
  judge.answer(before);
  server.reset();
  bool was_paused = false;
  std::thread restart([&] {
    for (int i = 0; i < 500 && !(was_paused = judge.usage().is_paused); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    server = std::make_unique<FaultyJudge>(always(JudgeFault::kNone), port);
  });
  ScriptedWork after(50, 5);
  judge.answer(after);
  restart.join();
  EXPECT_TRUE(was_paused);
  EXPECT_FALSE(judge.usage().is_paused);
  EXPECT_EQ(after.replies.size(), 50u);
}

TEST_F(OpenAiJudgeTest, BalancesOverAddressesAndPassesOverADeadOne) {
  FaultyJudge one(always(JudgeFault::kNone));
  FaultyJudge two(always(JudgeFault::kNone));
  auto balanced = options(one.url());
  balanced.base_urls = {one.url(), "http://127.0.0.1:1/v1", two.url() + "/"};
  ScriptedWork work(200);
  OpenAiJudge(balanced, place()).answer(work);
  EXPECT_EQ(work.replies.size(), 200u);
  EXPECT_GT(one.n_requests(), 60);
  EXPECT_GT(two.n_requests(), 60);
}

TEST_F(OpenAiJudgeTest, WaitsForTheEndpointFileAndReadsItAgain) {
  const auto file = folder_.path() / "endpoint";
  auto named = options("");
  named.base_urls.clear();
  named.endpoint_file = file;
  OpenAiJudge judge(named, place());
  auto server = std::make_unique<FaultyJudge>(always(JudgeFault::kNone));
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    write_file(file, server->url() + "\nits-token\n");
  });
  ScriptedWork first(5);
  judge.answer(first);
  writer.join();
  EXPECT_EQ(first.replies.size(), 5u);
  EXPECT_EQ(server->keys(), std::set<std::string>{"Bearer its-token"});

  server.reset();
  FaultyJudge moved(always(JudgeFault::kNone));
  write_file(file, "# moved\n" + moved.url() + "\n");
  ScriptedWork second(20, 5);
  judge.answer(second);
  EXPECT_EQ(second.replies.size(), 20u);
  EXPECT_EQ(moved.keys(), std::set<std::string>{""});
}

TEST_F(OpenAiJudgeTest, StopsWhereTheEndpointFileDoesNotCome) {
  auto named = options("");
  named.base_urls.clear();
  named.endpoint_file = folder_.path() / "endpoint";
  named.endpoint_wait = 0.3;
  OpenAiJudge judge(named, place());
  ScriptedWork work(5);
  EXPECT_NE(message_of<StoppedError>(judge, work).find("no server has written its address"), std::string::npos);
}

TEST_F(OpenAiJudgeTest, SaysWhatTheServerRefuses) {
  FaultyJudge server(always(JudgeFault::kNone));
  server.refuse(404, R"({"error":{"message":"The model `m` does not exist."}})");
  auto with_password = options("http://me:password@127.0.0.1:" + std::to_string(server.port()) + "/v1");
  OpenAiJudge judge(with_password, place());
  ScriptedWork work(5);
  const std::string message = message_of<InputError>(judge, work);
  EXPECT_NE(message.find(server.url() + ": the judge refuses requests: HTTP 404: The model `m` does not exist."),
            std::string::npos)
      << message;
  EXPECT_EQ(message.find("password"), std::string::npos);
}

TEST_F(OpenAiJudgeTest, StopsWhereLaterRequestsAreRefused) {
  FaultyJudge server(always(JudgeFault::kNone));
  OpenAiJudge judge(options(server.url()), place());
  ScriptedWork work(5);
  judge.answer(work);
  server.refuse(401, R"({"detail":"Expired"})");
  ScriptedWork more(5, 5);
  EXPECT_NE(message_of<StoppedError>(judge, more).find("HTTP 401: Expired"), std::string::npos);
}

TEST_F(OpenAiJudgeTest, ARequestThatAloneIsRefusedIsMissing) {
  FaultyJudge server(always(JudgeFault::kNone));
  OpenAiJudge judge(options(server.url()), place());
  ScriptedWork work(5);
  judge.answer(work);
  server.refuse(400, R"({"error":{"message":"maximum context length is 2048 tokens"}})");
  ScriptedWork longer(3, 5);
  std::jthread restored([&] {
    while (server.n_requests() < 5 + 3 * 6) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    server.refuse(0, "");
  });
  EXPECT_NO_THROW(judge.answer(longer));
  EXPECT_EQ(longer.given_up.size(), 3u);
  EXPECT_NE(longer.given_up.begin()->second.find("maximum context length"), std::string::npos);
}

TEST_F(OpenAiJudgeTest, AsksTheOtherAddressesBeforeARefusalCounts) {
  FaultyJudge wrong(always(JudgeFault::kNone));
  wrong.refuse(403, "{}");
  FaultyJudge right(always(JudgeFault::kNone));
  auto two = options(wrong.url());
  two.base_urls = {wrong.url(), right.url()};
  ScriptedWork work(50);
  OpenAiJudge(two, place()).answer(work);
  EXPECT_EQ(work.replies.size(), 50u);
}

TEST_F(OpenAiJudgeTest, SendsItsKeyAndWritesItNowhere) {
  constexpr const char* kKey = "sk-test-0123456789abcdef";
  ::setenv("SAESWEEP_TEST_KEY", kKey, 1);
  FaultyJudge server(saesweep::test::faults_for(0.3));
  auto keyed = options(server.url());
  keyed.api_key_env = "SAESWEEP_TEST_KEY";
  testing::internal::CaptureStderr();
  std::string refusal;
  {
    JudgePlace logging = place();
    logging.log = Log::to_stderr();
    OpenAiJudge judge(keyed, logging);
    ScriptedWork work(40);
    judge.answer(work);
    server.refuse(401, fmt::format(R"({{"error":{{"message":"Incorrect API key provided: {}"}}}})", kKey));
    ScriptedWork more(5, 40);
    refusal = message_of<StoppedError>(judge, more);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr().find(kKey), std::string::npos);
  EXPECT_EQ(server.keys(), std::set<std::string>{std::string("Bearer ") + kKey});
  EXPECT_NE(refusal.find("Incorrect API key provided: ***"), std::string::npos) << refusal;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder_.path())) {
    if (!file.is_regular_file()) continue;
    EXPECT_EQ(read_file(file.path()).find(kKey), std::string::npos) << file.path();
  }
  ::unsetenv("SAESWEEP_TEST_KEY");
  EXPECT_THROW(OpenAiJudge(keyed, place()), ConfigError);
}

TEST_F(OpenAiJudgeTest, EndsWhenItsBudgetIsSpentAndGoesOnWithAnother) {
  FaultyJudge server(always(JudgeFault::kNone));
  auto frugal = options(server.url());
  frugal.budget_requests = 30;
  ScriptedWork first(50);
  {
    OpenAiJudge judge(frugal, place());
    EXPECT_NE(message_of<StoppedError>(judge, first).find("budget_requests is spent"), std::string::npos);
  }
  EXPECT_EQ(server.n_requests(), 30);
  EXPECT_EQ(first.replies.size(), 30u);
  ScriptedWork second(50);
  OpenAiJudge judge(frugal, place());
  judge.answer(second);
  EXPECT_EQ(server.n_requests(), 50);
}

TEST_F(OpenAiJudgeTest, EndsWhenItsTokensAreSpent) {
  FaultyJudge server(always(JudgeFault::kNone));
  auto frugal = options(server.url());
  frugal.budget_tokens = 380;  // a request has 10 tokens, its reply 9
  frugal.max_in_flight = 1;
  OpenAiJudge judge(frugal, place());
  ScriptedWork work(50);
  EXPECT_NE(message_of<StoppedError>(judge, work).find("budget_tokens is spent"), std::string::npos);
  EXPECT_EQ(work.replies.size(), 20u);
}

//! Has nothing to ask for until it is opened, as while windows are still gathered.
class LateWork : public ScriptedWork {
 public:
  LateWork() : ScriptedWork(3) {}
  std::optional<Ask> next() override { return is_open ? ScriptedWork::next() : std::nullopt; }
  std::atomic<bool> is_open = false;
};

TEST_F(OpenAiJudgeTest, WakesForNewWork) {
  FaultyJudge server(always(JudgeFault::kNone));
  OpenAiJudge judge(options(server.url()), place());
  LateWork work;
  std::thread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    work.is_open = true;
    judge.wake();
  });
  const auto start = std::chrono::steady_clock::now();
  judge.answer(work);
  opener.join();
  EXPECT_LT(seconds_since(start), 3);
}

TEST_F(OpenAiJudgeTest, StopsWhenItIsTold) {
  FaultyJudge server(always(JudgeFault::kHang));
  auto patient = options(server.url());
  patient.first_byte_timeout = patient.timeout = 60;
  OpenAiJudge judge(patient, place());
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    judge.stop();
  });
  ScriptedWork work(3);
  EXPECT_THROW(judge.answer(work), StoppedError);
  stopper.join();
}

TEST_F(OpenAiJudgeTest, RefusesSettingsThatCannotWork) {
  EXPECT_THROW(OpenAiJudge(options("localhost:8000"), place()), ConfigError);
  auto none = options("");
  none.base_urls.clear();
  EXPECT_THROW(OpenAiJudge(none, place()), ConfigError);
  auto extra = options("http://localhost:8000");
  extra.extra_body = "[1]";
  EXPECT_THROW(OpenAiJudge(extra, place()), ConfigError);
}

}  // namespace
}  // namespace saesweep::judge
