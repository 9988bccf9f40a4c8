#pragma once

#include <optional>
#include <string>
#include <vector>

#include "judge/chat.h"

namespace saesweep::judge {

//! A token as a server tells it.
struct ToldToken {
  //! Nothing where the server does not say exactly: the token is a part of a character.
  std::optional<std::string> text;
  std::vector<Candidate> candidates;
};

//! The tokens that text consists of, with texts that make it up. Servers tell more than these: marks of begin and end,
//! a thought before the answer, white space that they take off, a token generated after a prompt. A token at an end is
//! cut; text of which the server does not say how tokens part it goes to the first of these. `is_last`: text is sought
//! from the end of the tokens. Nothing where text is not found in them.
std::optional<std::vector<ReplyToken>> align_tokens(const std::vector<ToldToken>& tokens, const std::string& text,
                                                    bool is_last);

}  // namespace saesweep::judge
