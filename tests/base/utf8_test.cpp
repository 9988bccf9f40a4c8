#include "base/utf8.h"

#include <gtest/gtest.h>

namespace saesweep {
namespace {

const std::string kReplaced = "\xEF\xBF\xBD";

TEST(Utf8, ReplacesWhatIsNoCharacter) {
  EXPECT_EQ(valid_utf8("caf\xC3\xA9 \xF0\x9F\x98\x80"), "caf\xC3\xA9 \xF0\x9F\x98\x80");
  EXPECT_EQ(valid_utf8("\xA9x"), kReplaced + "x");
  EXPECT_EQ(valid_utf8("\xC3"), kReplaced);
  EXPECT_EQ(valid_utf8("\xF0\x9F\x98x"), kReplaced + "x") << "one for the beginning of a character";
  EXPECT_EQ(valid_utf8("\xE0\x80\x80"), kReplaced + kReplaced + kReplaced) << "overlong";
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), kReplaced + kReplaced + kReplaced) << "a surrogate";
  EXPECT_EQ(valid_utf8("\xFF\xFE"), kReplaced + kReplaced);
  EXPECT_EQ(valid_utf8(""), "");
}

}  // namespace
}  // namespace saesweep
