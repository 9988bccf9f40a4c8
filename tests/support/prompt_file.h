#pragma once

#include <fmt/format.h>
#include <toml++/toml.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "judge/chat.h"

namespace saesweep::test {

//! A file of share/prompts (docs/prompts.md), filled in for tests. Run from the repository's root.
class PromptFile {
 public:
  using Values = std::map<std::string, std::string>;

  explicit PromptFile(const std::string& name) : file_(toml::parse_file(fmt::format("share/prompts/{}.toml", name))) {}

  std::string text(const std::string& key) const { return file_[key].value_or(std::string()); }
  int64_t max_tokens() const { return file_["max_tokens"].value_or(int64_t{0}); }

  //! `example` for each of the texts; `name`: of the placeholder that takes the text.
  std::string examples(const std::vector<std::string>& texts, const std::string& name) const {
    std::string out;
    for (size_t i = 0; i < texts.size(); ++i) {
      const Values values = {{"number", std::to_string(i + 1)}, {name, texts[i]}, {"activations", "\"x\" 5"}};
      out += (i > 0 ? "\n" : "") + filled(text("example"), values);
    }
    return out;
  }

  judge::Request chat(const Values& values) const {
    judge::Request request;
    request.max_tokens = max_tokens();
    request.logprobs = true;
    request.messages.push_back({"system", text("system")});
    for (const auto& shot : *file_["shot"].as_array()) {
      request.messages.push_back({"user", (*shot.as_table())["user"].value_or(std::string())});
      request.messages.push_back({"assistant", (*shot.as_table())["assistant"].value_or(std::string())});
    }
    request.messages.push_back({"user", filled(text("user"), values)});
    return request;
  }

  judge::Request scoring(const std::string& explanation, const std::vector<std::string>& texts) const {
    return chat({{"explanation", explanation},
                 {"examples", examples(texts, "text")},
                 {"n_examples", std::to_string(texts.size())}});
  }

  judge::Request explaining(const std::vector<std::string>& texts) const { return scoring("", texts); }

  judge::Request simulating(const std::string& explanation, const std::vector<std::string>& tokens) const {
    return chat(simulation_values(explanation, tokens));
  }

  judge::Request completing(const std::string& explanation, const std::vector<std::string>& tokens) const {
    judge::Request request;
    request.kind = judge::Request::Kind::kPrompt;
    request.logprobs = true;
    request.prompt = filled(text("user"), simulation_values(explanation, tokens));
    return request;
  }

  //! What follows the last of answer_after.
  std::string answer(const std::string& reply) const {
    const auto marker = text("answer_after");
    const auto at = reply.rfind(marker);
    return at == std::string::npos ? "" : reply.substr(reply.find_first_not_of(' ', at + marker.size()));
  }

 private:
  static std::string filled(std::string text, const Values& values) {
    for (const auto& [name, value] : values) {
      const std::string place = "{" + name + "}";
      for (size_t at = 0; (at = text.find(place, at)) != std::string::npos; at += value.size()) {
        text.replace(at, place.size(), value);
      }
    }
    return text;
  }

  Values simulation_values(const std::string& explanation, const std::vector<std::string>& tokens) const {
    return {{"explanation", explanation},
            {"tokens", examples(tokens, "token")},
            {"n_examples", std::to_string(tokens.size())}};
  }

  toml::table file_;
};

}  // namespace saesweep::test
