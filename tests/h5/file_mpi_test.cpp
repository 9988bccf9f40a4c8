#include <gtest/gtest.h>

#include "base/errors.h"
#include "h5/file.h"
#include "support/shared_folder.h"

namespace saesweep::h5 {
namespace {

class ParallelFile : public testing::Test {
 protected:
  const mpi::Comm world_ = mpi::Comm::world();
  const test::SharedFolder folder_{world_};
  const std::filesystem::path path_ = folder_.path() / "a.h5";
};

TEST_F(ParallelFile, EachRankWritesItsRowsAndAllAreThere) {
  constexpr hsize_t kRows = 7;
  {
    File file = File::create(path_, world_);
    file.create_group("/g");
    Dataset numbers = file.create_dataset("/g/numbers", {Kind::kFloat64}, {kRows, 3});
    Dataset texts = file.create_dataset("/g/texts", {Kind::kText, 8}, {kRows});
    file.flush(world_);
    for (hsize_t row = static_cast<hsize_t>(world_.rank()); row < kRows; row += static_cast<hsize_t>(world_.size())) {
      const double base = static_cast<double>(row);
      numbers.write_slab<double>({{row, 0}, {1, 3}}, std::vector{base, base + 0.25, -base});
      texts.write_slab({{row}, {1}}, std::vector{"row " + std::to_string(row)});
    }
  }
  world_.barrier();
  const File file = File::open_read_only(path_);
  const std::vector<double> numbers = file.open_dataset("/g/numbers").read<double>();
  const std::vector<std::string> texts = file.open_dataset("/g/texts").read_texts();
  ASSERT_EQ(numbers.size(), kRows * 3);
  for (size_t row = 0; row < kRows; ++row) {
    EXPECT_EQ(numbers[row * 3 + 1], static_cast<double>(row) + 0.25);
    EXPECT_EQ(texts[row], "row " + std::to_string(row));
  }
}

TEST_F(ParallelFile, NumbersOfEveryKindComeBackAndElementsCopyAsTheyStand) {
  {
    File file = File::create(path_, world_);
    for (const char* name : {"/from", "/to"}) {
      file.create_dataset(std::string(name) + "_small", {Kind::kInt8}, {2, 3});
      file.create_dataset(std::string(name) + "_text", {Kind::kText, 5}, {2, 3});
    }
    file.flush(world_);
    if (world_.is_root()) {
      Dataset small = file.open_dataset("/from_small"), text = file.open_dataset("/from_text");
      small.write_slab<int8_t>({{0, 0}, {2, 3}}, std::vector<int8_t>{-128, -1, 0, 1, 2, 127});
      text.write_slab({{1, 0}, {1, 3}}, std::vector<std::string>{"ab", "", "abcde"});
      for (const char* name : {"small", "text"}) {
        const Slab from{{1, 0}, {1, 3}}, to{{0, 0}, {1, 3}};
        const auto bytes = file.open_dataset("/from_" + std::string(name)).read_bytes(from);
        file.open_dataset("/to_" + std::string(name)).write_bytes(to, bytes);
        EXPECT_THROW(file.open_dataset("/to_" + std::string(name)).write_bytes({{0, 0}, {1, 2}}, bytes), SystemError);
      }
    }
  }
  world_.barrier();
  const File file = File::open_read_only(path_);
  EXPECT_EQ(file.open_dataset("/from_small").kind(), Kind::kInt8);
  EXPECT_EQ(file.open_dataset("/from_small").read<int64_t>(), (std::vector<int64_t>{-128, -1, 0, 1, 2, 127}));
  EXPECT_EQ(file.open_dataset("/to_small").read_slab<int8_t>({{0, 0}, {1, 3}}), (std::vector<int8_t>{1, 2, 127}));
  const auto texts = file.open_dataset("/to_text").read_texts();
  EXPECT_EQ(std::vector(texts.begin(), texts.begin() + 3), (std::vector<std::string>{"ab", "", "abcde"}));
}

TEST_F(ParallelFile, AttributesOfAnyLengthComeBack) {
  const std::string long_text(300'000, 'x');
  {
    File file = File::create(path_, world_);
    file.set_attribute("/", "empty", "");
    file.set_attribute("/", "greek", "λάθος");
    file.set_attribute("/", "long", long_text);
    file.set_attribute("/", "number", int64_t{1} << 53);
  }
  world_.barrier();
  const File file = File::open_read_only(path_);
  EXPECT_EQ(file.text_attribute("/", "empty"), "");
  EXPECT_EQ(file.text_attribute("/", "greek"), "λάθος");
  EXPECT_EQ(file.text_attribute("/", "long"), long_text);
  EXPECT_EQ(file.number_attribute("/", "number"), int64_t{1} << 53);
  EXPECT_EQ(file.attribute_names("/"), (std::vector<std::string>{"empty", "greek", "long", "number"}));
  EXPECT_FALSE(file.has_attribute("/", "other"));
}

TEST_F(ParallelFile, ATextIsCutBetweenCharacters) {
  {
    File file = File::create(path_, world_);
    Dataset texts = file.create_dataset("/t", {Kind::kText, 5}, {1});
    file.flush(world_);
    if (world_.is_root()) texts.write_slab({{0}, {1}}, std::vector<std::string>{"abλλλ"});
  }
  world_.barrier();
  EXPECT_EQ(File::open_read_only(path_).open_dataset("/t").read_texts().at(0), "abλ");
}

TEST_F(ParallelFile, EmptyDatasetsAreWrittenAndRead) {
  {
    File file = File::create(path_, world_);
    Dataset none = file.create_dataset("/none", {Kind::kInt32}, {2, 0});
    file.flush(world_);
    none.write_slab<int32_t>({{0, 0}, {1, 0}}, std::vector<int32_t>{});
  }
  world_.barrier();
  EXPECT_TRUE(File::open_read_only(path_).open_dataset("/none").read<int32_t>().empty());
}

TEST_F(ParallelFile, ASlabBeyondTheDatasetIsRefusedByName) {
  File file = File::create(path_, world_);
  Dataset numbers = file.create_dataset("/numbers", {Kind::kFloat64}, {2, 3});
  try {
    numbers.write_slab<double>({{2, 0}, {1, 3}}, std::vector<double>(3));
    FAIL() << "row 2 of 2 was written";
  } catch (const SystemError& error) {
    EXPECT_NE(std::string(error.what()).find("a.h5 /numbers: elements 2 to 3 of dimension 0"), std::string::npos)
        << error.what();
  }
  EXPECT_THROW(numbers.write_slab<double>({{0, 0}, {1, 3}}, std::vector<double>(2)), SystemError);
  EXPECT_THROW(numbers.write_slab<double>({{0}, {1}}, std::vector<double>(1)), SystemError);
}

TEST_F(ParallelFile, AnErrorNamesTheObjectAndQuotesHdf5) {
  File file = File::create(path_, world_);
  try {
    file.open_dataset("/missing");
    FAIL() << "a missing dataset was opened";
  } catch (const SystemError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("a.h5 /missing: "), std::string::npos) << message;
    EXPECT_NE(message.find("object 'missing' doesn't exist"), std::string::npos) << message;
  }
}

TEST(Handle, ClosesOnceWhenMoved) {
  Handle first(H5Screate(H5S_SCALAR), H5Sclose);
  const hid_t id = first.get();
  {
    const Handle second = std::move(first);
    EXPECT_GT(H5Iis_valid(id), 0);
  }
  EXPECT_EQ(H5Iis_valid(id), 0);
}

}  // namespace
}  // namespace saesweep::h5
