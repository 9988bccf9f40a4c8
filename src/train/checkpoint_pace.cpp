#include "train/checkpoint_pace.h"

#include <algorithm>

namespace saesweep::train {

namespace {

constexpr double kMostShare = 0.05;
constexpr double kLeastSeconds = 60;

}  // namespace

CheckpointPace::CheckpointPace(CheckpointEvery every) : every_(every) {}

void CheckpointPace::begin(uint64_t bytes, double now) {
  bytes_ = bytes;
  last_ = now;
}

bool CheckpointPace::is_due(int64_t tokens_since, double now) const {
  const double seconds = now - last_;
  switch (every_.kind) {
    case CheckpointEvery::Kind::kNever:
      return false;
    case CheckpointEvery::Kind::kTokens:
      return static_cast<double>(tokens_since) >= every_.amount;
    case CheckpointEvery::Kind::kSeconds:
      return seconds >= every_.amount;
    case CheckpointEvery::Kind::kAuto:
      break;
  }
  return seconds >= auto_interval(seconds_for(bytes_));
}

double CheckpointPace::auto_interval(double writing_seconds) {
  return std::max(kLeastSeconds, writing_seconds * (1 - kMostShare) / kMostShare);
}

void CheckpointPace::wrote(uint64_t bytes, double seconds, double now) {
  if (bytes > 0 && seconds > 0) speed_ = static_cast<double>(bytes) / seconds;
  last_ = now;
}

double CheckpointPace::seconds_for(uint64_t bytes) const {
  return static_cast<double>(bytes) / speed_;
}

}  // namespace saesweep::train
