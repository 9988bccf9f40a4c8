#include "sweep/device.h"

#include <gtest/gtest.h>

#include "base/errors.h"

namespace saesweep::sweep {
namespace {

SweepOptions options_of(const std::string& device, const std::string& precision = "float32") {
  SweepOptions options;
  options.run.device = device;
  options.train.precision = precision;
  return options;
}

TEST(DeviceKind, AutoIsCudaWhereEveryRankHasOne) {
  EXPECT_EQ(device_kind(options_of("auto"), true), "cuda");
  EXPECT_EQ(device_kind(options_of("auto"), false), "cpu");
}

TEST(DeviceKind, WhatIsNamedIsTaken) {
  EXPECT_EQ(device_kind(options_of("cpu"), true), "cpu");
  EXPECT_EQ(device_kind(options_of("cuda"), true), "cuda");
}

TEST(DeviceKind, CudaWithoutOneIsRefused) {
  EXPECT_THROW(device_kind(options_of("cuda"), false), ConfigError);
}

TEST(DeviceKind, Tf32IsRefusedOnTheCpu) {
  EXPECT_EQ(device_kind(options_of("auto", "tf32"), true), "cuda");
  EXPECT_THROW(device_kind(options_of("auto", "tf32"), false), ConfigError);
  EXPECT_THROW(device_kind(options_of("cpu", "tf32"), true), ConfigError);
}

}  // namespace
}  // namespace saesweep::sweep
