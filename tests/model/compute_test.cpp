#include "model/compute.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

namespace saesweep::model {
namespace {

TEST(OutOfMemory, IsKnownWhereLibTorchFindsNoMemory) {
  try {
    at::empty({int64_t{1} << 58});
    FAIL() << "a tensor of 2^60 bytes was allocated";
  } catch (const std::exception& error) {
    EXPECT_TRUE(is_out_of_memory(error)) << error.what();
  }
  EXPECT_TRUE(is_out_of_memory(std::bad_alloc()));
}

TEST(OutOfMemory, IsNotSaidOfOtherErrors) {
  EXPECT_FALSE(is_out_of_memory(std::runtime_error("can't allocate memory")));
  try {
    at::empty({-1});
    FAIL();
  } catch (const std::exception& error) {
    EXPECT_FALSE(is_out_of_memory(error)) << error.what();
  }
}

}  // namespace
}  // namespace saesweep::model
