#include "autointerp/prompts.h"

#include <algorithm>

namespace saesweep::autointerp {

std::string filled(std::string_view text, const Placeholders& placeholders) {
  std::string out;
  while (!text.empty()) {
    const size_t open = text.find('{');
    out += text.substr(0, open);
    if (open == std::string_view::npos) break;
    text.remove_prefix(open);
    const size_t close = text.find('}');
    const std::string_view name = close == std::string_view::npos ? "" : text.substr(1, close - 1);
    const auto found = std::find_if(placeholders.begin(), placeholders.end(),
                                    [&](const auto& placeholder) { return placeholder.first == name; });
    if (found == placeholders.end()) {
      out += '{';
      text.remove_prefix(1);
    } else {
      out += found->second;
      text.remove_prefix(close + 1);
    }
  }
  return out;
}

judge::Request chat_of(const PromptTemplate& prompt, const Placeholders& placeholders, bool logprobs) {
  judge::Request request;
  request.max_tokens = prompt.max_tokens;
  request.logprobs = logprobs;
  if (!prompt.system.empty()) request.messages.push_back({"system", prompt.system});
  request.messages.insert(request.messages.end(), prompt.shots.begin(), prompt.shots.end());
  request.messages.push_back({"user", filled(prompt.user, placeholders)});
  return request;
}

std::string joined_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    if (!text.empty()) text += '\n';
    text += line;
  }
  return text;
}

}  // namespace saesweep::autointerp
