#include "autointerp/example_text.h"

#include <gtest/gtest.h>

#include "autointerp/windows.h"

namespace saesweep::autointerp {
namespace {

//! The window of these tokens, marked where marks has an x.
std::string text_of(const std::vector<std::string>& tokens, const std::string& marks) {
  Window window;
  Marks bits = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    window.ids.push_back(static_cast<uint32_t>(i));
    if (marks[i] == 'x') bits |= Marks{1} << i;
  }
  return example_text(window, bits, [&](uint32_t id) { return tokens[id]; });
}

TEST(ExampleText, MarksEachRunOfTokens) {
  EXPECT_EQ(text_of({"a", " b", " c", " d"}, "-xx-"), "a<< b c>> d");
  EXPECT_EQ(text_of({"a", " b", " c", " d"}, "x-xx"), "<<a>> b<< c d>>");
  EXPECT_EQ(text_of({"a", " b"}, "--"), "a b");
}

TEST(ExampleText, IsOneLine) {
  EXPECT_EQ(text_of({"a\n", "\tb", "\r\n"}, "-x-"), "a\\n<<\\tb>>\\r\\n");
}

TEST(ExampleText, NothingButMarksLooksLikeAMark) {
  EXPECT_EQ(text_of({"x <<", "EOF", ">>"}, "-x-"), "x < < <<EOF>> > >");
  EXPECT_EQ(text_of({"<", "<a", "b>", ">"}, "-xx-"), "< << <ab> >> >");
  EXPECT_EQ(text_of({"<", "<"}, "--"), "< <");
}

TEST(ExampleText, JoinsTheTokensOfACharacterAndReplacesTornOnes) {
  EXPECT_EQ(text_of({"\xC3", "\xA9"}, "--"), "\xC3\xA9");
  EXPECT_EQ(text_of({"\xC3", "\xA9"}, "xx"), "<<\xC3\xA9>>");
  EXPECT_EQ(text_of({"\xC3", "\xA9"}, "-x"), "\xEF\xBF\xBD<<\xEF\xBF\xBD>>");
}

TEST(ExampleText, MarksWhatIsAboveAShareOfThePeak) {
  const Window window = test::window(0, {0, 3, 3.1F, 10, 0});
  EXPECT_EQ(marks_of(window, 0.3), 0b01100u);
  EXPECT_EQ(marks_of(window, 0), 0b01110u);
  EXPECT_EQ(activations_text(window, 0b01100, 10, test::token_text), "\" t102\" 4, \" t103\" 10");
}

}  // namespace
}  // namespace saesweep::autointerp
