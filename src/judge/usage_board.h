#pragma once

#include <mutex>

#include "judge/judge.h"

namespace saesweep::judge {

//! A judge's counts, written by its thread and read by any.
class UsageBoard {
 public:
  JudgeUsage read() const {
    const std::lock_guard lock(mutex_);
    return usage_;
  }
  template <typename Change>
  void change(Change&& change) {
    const std::lock_guard lock(mutex_);
    change(usage_);
  }

 private:
  mutable std::mutex mutex_;
  JudgeUsage usage_;
};

}  // namespace saesweep::judge
