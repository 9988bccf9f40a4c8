#include "model/compute.h"

#include <ATen/ops/empty.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

#include "base/errors.h"
#include "model/small_model.h"

namespace saesweep::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

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

TEST(Devices, AreNamedAsLibTorchNamesThem) {
  EXPECT_TRUE(device_from("cpu").is_cpu());
  for (const char* name : {"gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:0x", ""}) {
    EXPECT_THAT(test::message_of<InputError>([&] { device_from(name); }), HasSubstr("cpu, cuda or cuda:N")) << name;
  }
  EXPECT_THAT(test::message_of<InputError>([] { device_from("cuda:999"); }), HasSubstr("expected cpu"));
}

TEST(Dtypes, HalfPrecisionIsForCudaOnly) {
  EXPECT_EQ(dtype_from("float16", at::Device("cuda:0")), at::kHalf);
  EXPECT_EQ(dtype_from("bfloat16", at::Device(at::kCPU)), at::kBFloat16);
  EXPECT_THAT(test::message_of<InputError>([] { dtype_from("float16", at::Device(at::kCPU)); }),
              AllOf(HasSubstr("float16"), HasSubstr("CUDA"), HasSubstr("bfloat16")));
}

}  // namespace
}  // namespace saesweep::model
