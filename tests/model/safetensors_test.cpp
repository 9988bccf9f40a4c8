#include "model/safetensors.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/errors.h"
#include "base/files.h"
#include "model/small_model.h"
#include "support/temporary_folder.h"

namespace saesweep::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Safetensors : public ::testing::Test {
 protected:
  //! A file of a header and data, with the header's length before it.
  std::filesystem::path file(const std::string& header, const std::string& data) const {
    const uint64_t length = header.size();
    std::string bytes(sizeof length, '\0');
    std::memcpy(bytes.data(), &length, sizeof length);
    return raw(bytes + header + data);
  }
  std::filesystem::path raw(const std::string& bytes) const {
    std::filesystem::path path = folder_.path() / "some.safetensors";
    write_file(path, bytes);
    return path;
  }
  static std::string refusal(const std::filesystem::path& path) {
    return test::message_of<ModelError>([&] { SafetensorsFile{path}; });
  }

  test::TemporaryFolder folder_;
};

TEST_F(Safetensors, BytesWrittenByHandAreRead) {
  const std::string data("\x00\x00\x80\x3f\x00\x00\x00\xc0\x80\x3f", 10);  // 1.0f, -2.0f, bfloat16 1.0
  const SafetensorsFile read(file(R"({"__metadata__":{"format":"pt"},)"
                                  R"("b":{"dtype":"BF16","shape":[],"data_offsets":[8,10]},)"
                                  R"("a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}})",
                                  data));
  EXPECT_EQ(read.metadata().at("format"), "pt");
  const at::Tensor a = read.tensor("a");
  ASSERT_EQ(a.sizes(), at::IntArrayRef({2, 1}));
  EXPECT_EQ(a[0][0].item<float>(), 1.0F);
  EXPECT_EQ(a[1][0].item<float>(), -2.0F);
  EXPECT_EQ(read.tensor("b").scalar_type(), at::kBFloat16);
  EXPECT_EQ(read.tensor("b").item<float>(), 1.0F);
}

TEST_F(Safetensors, MisalignedTensorsAreReadRightly) {
  const std::string data("\x07\x00\x00\x80\x3f", 5);
  const SafetensorsFile read(file(R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                  R"("y":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})",
                                  data));
  EXPECT_EQ(read.tensor("x").item<int>(), 7);
  EXPECT_EQ(read.tensor("y").item<float>(), 1.0F);
}

TEST_F(Safetensors, EveryDtypeIsReadAsWritten) {
  NamedTensors tensors;
  for (const at::ScalarType dtype :
       {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kByte}) {
    tensors.emplace_back(c10::toString(dtype), at::arange(6, at::kFloat).reshape({2, 3}).to(dtype));
  }
  tensors.emplace_back("flags", at::arange(3) == 1);
  tensors.emplace_back("empty", at::empty({0, 4}));
  tensors.emplace_back("transposed", at::arange(6, at::kFloat).reshape({2, 3}).t());
  const std::filesystem::path path = folder_.path() / "all.safetensors";
  write_safetensors(path, tensors, {{"made", "here"}});
  const SafetensorsFile read(path);
  EXPECT_EQ(read.tensors().size(), tensors.size());
  EXPECT_EQ(read.metadata().at("made"), "here");
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(read.tensor(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(read.tensor(name), tensor)) << name;
  }
}

TEST_F(Safetensors, ATensorOutlivesItsFile) {
  const std::filesystem::path path = folder_.path() / "one.safetensors";
  write_safetensors(path, {{"x", at::ones({3})}});
  const at::Tensor x = SafetensorsFile(path).tensor("x");
  EXPECT_EQ(x.sum().item<float>(), 3.0F);
}

TEST_F(Safetensors, DamagedHeadersAreRefused) {
  EXPECT_THAT(refusal(raw("short")), AllOf(HasSubstr("some.safetensors"), HasSubstr("5 bytes")));
  EXPECT_THAT(refusal(raw(std::string("\xff\xff\0\0\0\0\0\0{}", 10))),
              HasSubstr("65535 bytes announced, only 2 follow"));
  EXPECT_THAT(refusal(raw(std::string(8, '\xff') + "{}")), HasSubstr("announced"));
  EXPECT_THAT(refusal(file("{\"x\":", "")), HasSubstr("no JSON"));
  EXPECT_THAT(refusal(file("[1]", "")), HasSubstr("no JSON object"));
  EXPECT_THAT(refusal(file(R"({"x":3})", "")), HasSubstr("x: expected an object"));
  EXPECT_THAT(refusal(file(R"({"__metadata__":{"n":1}})", "")), HasSubstr("expected a string"));
}

TEST_F(Safetensors, WrongTensorsAreRefusedByName) {
  const auto one = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  const std::string data(8, '\0');
  EXPECT_THAT(refusal(file(one(R"("F8_E4M3")", "[8]", "[0,8]"), data)),
              AllOf(HasSubstr(": w: "), HasSubstr("F8_E4M3")));
  EXPECT_THAT(refusal(file(one(R"("F32")", "[-2]", "[0,8]"), data)), HasSubstr("found -2"));
  EXPECT_THAT(refusal(file(one(R"("F32")", "2", "[0,8]"), data)), HasSubstr("shape: expected a list"));
  EXPECT_THAT(refusal(file(one(R"("F32")", "[2]", "[0]"), data)), HasSubstr("data_offsets: found [0]"));
  EXPECT_THAT(refusal(file(one(R"("F32")", "[2]", "[8,0]"), data)), HasSubstr("data_offsets: found [8, 0]"));
  EXPECT_THAT(refusal(file(one(R"("F32")", "[3]", "[0,8]"), data)),
              HasSubstr("8 bytes, but shape [3] of F32 takes 12"));
  EXPECT_THAT(refusal(file(one(R"("F32")", "[4611686018427387904,4]", "[0,0]"), data)), HasSubstr("shape"));
  EXPECT_THAT(refusal(file(one(R"("F32")", "[4]", "[0,16]"), data)), HasSubstr("ends at byte 16"));
  EXPECT_THAT(refusal(file(one(R"("F32")", "[1]", "[4,8]"), data)), HasSubstr("no gap"));
  EXPECT_THAT(refusal(file(one(R"("F32")", "[1]", "[0,4]"), data)),
              HasSubstr("8 bytes of data found, but the tensors end at 4"));
}

TEST_F(Safetensors, OverlappingTensorsAreRefused) {
  const std::string header =
      R"({"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})";
  EXPECT_THAT(refusal(file(header, std::string(12, '\0'))),
              AllOf(HasSubstr(": w: "), HasSubstr("inside tensor v, which ends at 8")));
}

TEST_F(Safetensors, AFileCutShortIsRefused) {
  const std::filesystem::path path = folder_.path() / "cut.safetensors";
  write_safetensors(path, {{"x", at::ones({64})}});
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_THAT(refusal(path), AllOf(HasSubstr("cut.safetensors: x: "), HasSubstr("cut short")));
}

TEST_F(Safetensors, AMissingTensorIsNamed) {
  const std::filesystem::path path = folder_.path() / "one.safetensors";
  write_safetensors(path, {{"x", at::ones({1})}});
  const SafetensorsFile read(path);
  EXPECT_THAT(test::message_of<ModelError>([&] { read.tensor("y"); }), HasSubstr("one.safetensors: y"));
}

TEST_F(Safetensors, ADtypeTheFormatLacksIsNotWritten) {
  const std::filesystem::path path = folder_.path() / "complex.safetensors";
  EXPECT_THROW(write_safetensors(path, {{"x", at::ones({1}, at::kComplexFloat)}}), InputError);
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace saesweep::model
