#include "sweep/named_devices.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/errors.h"
#include "sweep/small_sweep.h"

namespace saesweep::sweep {
namespace {

SweepOptions options_of(const std::string& dtype, const std::string& precision) {
  SweepOptions options = small_sweep();
  options.model.dtype = dtype;
  options.train.precision = precision;
  return options;
}

TEST(NamedDevices, HaveNamesOfTheirOwnAndWhatAPlanNeeds) {
  std::set<std::string> names;
  for (const NamedDevice& device : named_devices()) {
    EXPECT_TRUE(names.insert(device.name).second) << device.name;
    EXPECT_GT(device.memory_bytes, 1e9) << device.name;
    EXPECT_GT(device.float32_flops, 1e12) << device.name;
    EXPECT_GT(device.bytes_per_second, 1e11) << device.name;
    EXPECT_NE(std::string(device.source), "") << device.name;
    // As NVIDIA's tensor cores have it: half of bfloat16's.
    EXPECT_NEAR(device.tf32_flops, device.bfloat16_flops / 2, 0.02 * device.bfloat16_flops) << device.name;
  }
  for (const char* name : {"a100-80g", "a100-40g", "h100-80g", "h200", "v100-32g"}) EXPECT_TRUE(names.contains(name));
}

TEST(NamedDevices, AnUnknownOneIsRefusedWithTheList) {
  try {
    named_device("a100-80gb");
    FAIL();
  } catch (const InputError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("found 'a100-80gb'"), std::string::npos) << text;
    EXPECT_NE(text.find("h100-80g"), std::string::npos) << text;
    EXPECT_NE(text.find("did you mean a100-80g?"), std::string::npos) << text;
  }
}

TEST(NamedDevices, FormatsHaveTheirRates) {
  const NamedDevice& device = named_device("a100-80g");
  const DeviceShares shares = {.tensor = 0.5, .float32 = 0.75, .bandwidth = 0.25};
  const Speeds speeds = speeds_of(device, options_of("bfloat16", "tf32"), shares);
  EXPECT_DOUBLE_EQ(speeds.forward_flops, 156e12);
  EXPECT_DOUBLE_EQ(speeds.train_flops, 78e12);
  EXPECT_DOUBLE_EQ(speeds.evaluate_flops, 0.75 * 19.5e12);
  EXPECT_DOUBLE_EQ(speeds.bytes, 0.25 * 2.039e12);
  EXPECT_DOUBLE_EQ(speeds.sparse_flops, speeds.bytes / 2);
  EXPECT_DOUBLE_EQ(speeds_of(device, options_of("float32", "bfloat16"), shares).train_flops, 156e12);
}

TEST(NamedDevices, WithoutTensorCoresForAFormatFloat32Counts) {
  const Speeds speeds = speeds_of(named_device("v100-32g"), options_of("bfloat16", "tf32"));
  EXPECT_DOUBLE_EQ(speeds.forward_flops, speeds.evaluate_flops);
  EXPECT_DOUBLE_EQ(speeds.train_flops, speeds.evaluate_flops);
  EXPECT_NE(assumptions_text(named_device("v100-32g")).find("bfloat16 as float32"), std::string::npos);
}

TEST(NamedDevices, TheDivisionAmongJobsIsTheSameOnAnyDevice) {
  const SweepOptions options = options_of("bfloat16", "tf32");
  const Cell cell = expand(options, small_inputs()).front();
  const CostModel here(options, small_inputs());
  const CostModel there(options, small_inputs(), speeds_of(named_device("h200"), options));
  EXPECT_NE(here.cell_seconds(cell), there.cell_seconds(cell));
  EXPECT_DOUBLE_EQ(here.for_division().cell_seconds(cell), there.for_division().cell_seconds(cell));
}

}  // namespace
}  // namespace saesweep::sweep
