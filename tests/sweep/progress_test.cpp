#include "sweep/progress.h"

#include <gtest/gtest.h>

namespace saesweep::sweep {
namespace {

void expect_round_trip(const ProgressMessage& message) {
  const ProgressMessage found = ProgressMessage::decode(message.encode());
  EXPECT_EQ(found.trained_tokens, message.trained_tokens);
  EXPECT_EQ(found.evaluated_tokens, message.evaluated_tokens);
  EXPECT_EQ(found.judged_requests, message.judged_requests);
  EXPECT_EQ(found.cells_done, message.cells_done);
  EXPECT_EQ(found.cells_failed, message.cells_failed);
  EXPECT_EQ(found.work_begun, message.work_begun);
  EXPECT_EQ(found.work_done, message.work_done);
  EXPECT_EQ(found.work_spared, message.work_spared);
  EXPECT_EQ(found.note, message.note);
}

TEST(ProgressMessage, ComesBackAsItWasSent) {
  expect_round_trip({});
  expect_round_trip({int64_t{1} << 40, 3, 7, 2, 1, 1e6, 0.5, -3, "failed: π\nand a second line"});
  expect_round_trip({.note = std::string("a zero \0 within", 15)});
  expect_round_trip({.note = std::string(100'000, 'x')});
}

TEST(ProgressBoard, CountsCellsOfAllMessagesAndOfEarlierRuns) {
  ProgressBoard board(ProgressLine::Mode::kNone, 60, 5, 1000);
  EXPECT_EQ(board.text(), "5/60 cells");
  board.take(0, {.trained_tokens = 500, .cells_done = 2});
  board.take(1, {.evaluated_tokens = 50, .cells_done = 1, .cells_failed = 4});
  EXPECT_EQ(board.text(), "8/60 cells (4 failed)");
}

TEST(ProgressBoard, SaysNothingOfTimeBeforeThereIsEnoughToGoBy) {
  ProgressBoard board(ProgressLine::Mode::kNone, 60, 0, 1000);
  board.take(0, {.work_begun = 500});
  for (int i = 0; i < 10; ++i) board.take(0, {.trained_tokens = 1000, .work_done = 1});
  EXPECT_EQ(board.text(), "0/60 cells");
  EXPECT_FALSE(board.seconds_left());
}

}  // namespace
}  // namespace saesweep::sweep
