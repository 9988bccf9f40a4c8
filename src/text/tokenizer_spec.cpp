#include "text/tokenizer_spec.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/errors.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json.h"
#include "text/byte_alphabet.h"
#include "text/nfc.h"

namespace saesweep::text {

namespace {

//! One tokenizer.json: its parts and its name for messages.
class SpecReader {
 public:
  explicit SpecReader(const std::filesystem::path& path) : where_(path.string()) {
    const std::string bytes = read_file(path);
    spec_.hash = hex(sha256(bytes));
    json_ = parse_json(bytes, where_);
    if (!json_.is_object()) fail("is not a JSON object");
  }

  TokenizerSpec read() {
    read_normalizer();
    read_pre_tokenizer();
    const Json& model = part(json_, "model");
    check_model(model);
    read_vocabulary(model);
    read_unknown(model);
    for (const Json& merge : part(model, "merges")) read_merge(merge);
    if (json_.contains("added_tokens")) read_added_tokens();
    return std::move(spec_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw TextError(where_, what); }

  const Json& part(const Json& owner, const char* key) const {
    if (!owner.contains(key)) fail(fmt::format("has no \"{}\"; saesweep reads tokenizer.json of byte-level BPE", key));
    return owner.at(key);
  }

  //! The kind of a normalizer or pre-tokenizer; a sequence of one is that one.
  const Json& unwrap(const Json& step, const char* list_key) const {
    if (type_of(step) != "Sequence") return step;
    const Json& steps = part(step, list_key);
    return steps.size() == 1 ? steps.front() : step;
  }

  std::string type_of(const Json& step) const { return step.is_object() ? step.value("type", "") : "none"; }

  static bool is_set(const Json& owner, const char* key) {
    const Json value = owner.value(key, Json());
    // NOLINTNEXTLINE(readability-container-size-empty): "" is a value here, and {} is another
    return !(value.is_null() || value == false || value == "" || value == 0.0);
  }

  void read_normalizer() {
    const Json normalizer = json_.value("normalizer", Json());
    if (normalizer.is_null()) return;
    const std::string type = type_of(unwrap(normalizer, "normalizers"));
    if (type != "NFC") fail(fmt::format("normalizer is \"{}\"; saesweep knows \"NFC\" or none", type));
    spec_.nfc = true;
  }

  void read_pre_tokenizer() {
    const Json whole = json_.value("pre_tokenizer", Json());
    const Json& step = unwrap(whole, "pretokenizers");
    const std::string type = type_of(step);
    if (type != "ByteLevel") fail(fmt::format("pre-tokenizer is \"{}\"; saesweep knows \"ByteLevel\"", type));
    spec_.add_prefix_space = step.value("add_prefix_space", true);
    spec_.use_regex = step.value("use_regex", true);
  }

  void check_model(const Json& model) const {
    // Files of old carry no type where the model has merges.
    const std::string type = model.value("type", model.contains("merges") ? "BPE" : "none");
    if (type != "BPE") fail(fmt::format("model is \"{}\"; saesweep knows \"BPE\"", type));
    for (const char* key :
         {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges"}) {
      if (is_set(model, key)) {
        fail(fmt::format("model has {} = {}; saesweep knows BPE without it", key, model.at(key).dump()));
      }
    }
  }

  void read_vocabulary(const Json& model) {
    const Json& vocabulary = part(model, "vocab");
    if (!vocabulary.is_object() || vocabulary.empty()) fail("model: \"vocab\" holds no words");
    for (const auto& [word, id] : vocabulary.items()) {
      spec_.vocabulary.emplace(word, id.get<uint32_t>());
      const auto bytes = bytes_of(word);
      if (bytes && bytes->size() == 1) spec_.byte_ids[static_cast<uint8_t>(bytes->front())] = id.get<uint32_t>();
    }
  }

  void read_unknown(const Json& model) {
    if (is_set(model, "unk_token")) spec_.unknown = id_of(model.at("unk_token").get<std::string>(), "unk_token");
  }

  uint32_t id_of(const std::string& word, const char* user) const {
    const auto found = spec_.vocabulary.find(word);
    if (found == spec_.vocabulary.end()) fail(fmt::format("model: {} names \"{}\", which vocab lacks", user, word));
    return found->second;
  }

  void read_merge(const Json& merge) {
    std::string left, right;
    if (merge.is_array() && merge.size() == 2) {
      left = merge[0].get<std::string>();
      right = merge[1].get<std::string>();
    } else {
      const auto text = merge.get<std::string>();
      if (text.starts_with("#version")) return;
      const size_t space = text.find(' ');
      if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
        fail(fmt::format("model: the merge \"{}\" is not two words", text));
      }
      left = text.substr(0, space);
      right = text.substr(space + 1);
    }
    spec_.merges.push_back({id_of(left, "a merge"), id_of(right, "a merge"), id_of(left + right, "a merge")});
  }

  void read_added_tokens() {
    for (const Json& json : json_.at("added_tokens")) {
      AddedToken token;
      token.content = json.at("content").get<std::string>();
      token.id = json.at("id").get<uint32_t>();
      token.special = json.value("special", false);
      token.single_word = json.value("single_word", false);
      token.lstrip = json.value("lstrip", false);
      token.rstrip = json.value("rstrip", false);
      token.normalized = json.value("normalized", !token.special);
      check_id(token);
      spec_.added_tokens.push_back(std::move(token));
    }
  }

  void check_id(const AddedToken& token) const {
    const auto known = spec_.vocabulary.find(token.content);
    if (known != spec_.vocabulary.end() && known->second != token.id) {
      fail(fmt::format("added token \"{}\" has id {}, but {} in vocab", token.content, token.id, known->second));
    }
  }

  std::string where_;
  Json json_;
  TokenizerSpec spec_;
};

}  // namespace

TokenizerSpec read_tokenizer(const std::filesystem::path& path) {
  try {
    return SpecReader(path).read();
  } catch (const TextError&) {
    throw;
  } catch (const InputError& error) {
    throw TextError("tokenizer", error.what());
  } catch (const Json::exception& error) {
    throw TextError(path.string(), fmt::format("is no tokenizer.json: {}", error.what()));
  }
}

}  // namespace saesweep::text
