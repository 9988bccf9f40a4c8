#include "config/prompt_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/errors.h"
#include "base/files.h"
#include "base/suggest.h"
#include "config/toml_text.h"
#include "config/value.h"

namespace saesweep::config {
namespace {

using Placeholders = std::vector<std::string>;

//! What a task's texts must hold, and which keys mean something to it.
struct Task {
  Placeholders user;
  Placeholders example;
  bool has_turns = true;
  bool has_answer_after = false;
};

const std::map<std::string, Task>& tasks() {
  static const std::map<std::string, Task> all = {
      {"explanation", {.user = {"{examples}"}, .example = {"{text}"}, .has_answer_after = true}},
      {"fuzzing", {.user = {"{explanation}", "{examples}"}, .example = {"{text}"}}},
      {"detection", {.user = {"{explanation}", "{examples}"}, .example = {"{text}"}}},
      {"simulation", {.user = {"{explanation}", "{tokens}"}, .example = {"{token}"}}},
      {"simulation_prompt",
       {.user = {"{explanation}", "{tokens}"}, .example = {"{token}", "\t?"}, .has_turns = false}}};
  return all;
}

[[noreturn]] void refuse(const toml::node& node, const std::string& problem) {
  throw ConfigError(place_of(node.source()), problem);
}

void refuse_unknown(const toml::table& table, const std::string& prefix, const std::vector<std::string>& known) {
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    if (std::ranges::find(known, name) != known.end()) continue;
    throw ConfigError(place_of(key.source()), fmt::format("{}{}: unknown key{} Keys: {}", prefix, name,
                                                          suggestion(name, known), list_of(known)));
  }
}

template <typename T>
T read_key(const toml::table& table, const std::string& prefix, const std::string& key, const Kind<T>& kind) {
  const auto* node = table.get(key);
  if (node == nullptr) refuse(table, fmt::format("{}{}: missing, expected {}", prefix, key, kind.expects));
  try {
    return read_one(kind, *node);
  } catch (const BadValue& bad) {
    throw ConfigError(place_of(bad.source()), fmt::format("{}{}: {}", prefix, key, bad.what()));
  }
}

//! A text that holds what it must.
std::string read_text(const toml::table& root, const std::string& key, const Placeholders& needed) {
  const auto found = read_key(root, "", key, text());
  for (const auto& one : needed) {
    if (found.find(one) != std::string::npos) continue;
    // A tab is written as in TOML.
    refuse(*root.get(key), fmt::format("{}: no {} in it, which this task needs", key, one == "\t?" ? "\\t?" : one));
  }
  return found;
}

std::vector<judge::Message> read_shots(const toml::table& root) {
  std::vector<judge::Message> shots;
  const auto* node = root.get("shot");
  if (node == nullptr) return shots;
  if (!node->is_array_of_tables())
    refuse(*node, fmt::format("shot: found {}, expected tables [[shot]]", describe(*node)));
  for (const auto& element : *node->as_array()) {
    const auto& shot = *element.as_table();
    refuse_unknown(shot, "shot.", {"user", "assistant"});
    for (const std::string role : {"user", "assistant"}) shots.push_back({role, read_key(shot, "shot.", role, text())});
  }
  return shots;
}

//! Keys that say nothing to a task are refused rather than passed over.
void refuse_unused(const toml::table& root, const std::string& name, const Task& task) {
  const auto refuse_key = [&](const char* key) {
    if (const auto* node = root.get(key)) refuse(*node, fmt::format("{}: prompts of {} have none", key, name));
  };
  if (!task.has_turns) {
    refuse_key("system");
    refuse_key("shot");
  }
  if (!task.has_answer_after) refuse_key("answer_after");
}

void check_task(const toml::table& root, const std::string& wanted) {
  std::vector<std::string> names;
  for (const auto& [name, task] : tasks()) names.push_back(name);
  const auto found = read_key(root, "", "task", one_of(names));
  if (found != wanted) {
    refuse(*root.get("task"), fmt::format("task: found \"{}\", expected a prompt of \"{}\"", found, wanted));
  }
}

}  // namespace

autointerp::PromptTemplate parse_prompt(const std::string& text, const std::string& source, const std::string& task) {
  const auto root = parse_toml(text, source);
  refuse_unknown(root, "", {"task", "max_tokens", "answer_after", "system", "user", "example", "shot"});
  check_task(root, task);
  const auto& needed = tasks().at(task);
  refuse_unused(root, task, needed);
  autointerp::PromptTemplate prompt;
  prompt.source_text = text;
  prompt.path = source;
  prompt.user = read_text(root, "user", needed.user);
  prompt.example = read_text(root, "example", needed.example);
  prompt.shots = read_shots(root);
  if (root.contains("system")) prompt.system = read_key(root, "", "system", text_or_nothing());
  if (root.contains("answer_after")) prompt.answer_after = read_key(root, "", "answer_after", text_or_nothing());
  if (root.contains("max_tokens")) prompt.max_tokens = read_key(root, "", "max_tokens", integer_at_least(1));
  return prompt;
}

autointerp::PromptTemplate read_prompt_file(const std::filesystem::path& path, const std::string& task) {
  return parse_prompt(read_file(path), path.string(), task);
}

}  // namespace saesweep::config
