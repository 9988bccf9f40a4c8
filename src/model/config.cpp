#include "model/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/errors.h"
#include "base/json.h"
#include "base/suggest.h"

namespace saesweep::model {
namespace {

const std::vector<std::string>& activations() {
  static const std::vector<std::string> names = {"gelu",      "gelu_python",       "gelu_new",
                                                 "gelu_fast", "gelu_pytorch_tanh", "relu"};
  return names;
}

const std::vector<std::string>& step0_recipes() {
  static const std::vector<std::string> names = {"small_init", "neox_default"};
  return names;
}

//! Typed look-ups in config.json that name file and key when they fail.
class Settings {
 public:
  Settings(Json json, std::string file) : json_(std::move(json)), file_(std::move(file)) {}

  //! The value, or nullptr where the key is absent or null.
  const Json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }

  int64_t positive(const char* key, std::optional<int64_t> fallback = std::nullopt) const {
    const Json* value = find(key);
    if (value == nullptr && fallback) return *fallback;
    if (value == nullptr) fail(key, "nothing", "a positive whole number");
    if (!value->is_number_integer() || value->get<int64_t>() <= 0) fail(key, value->dump(), "a positive whole number");
    return value->get<int64_t>();
  }

  double number(const char* key, double fallback) const {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_number()) fail(key, value->dump(), "a number");
    return value->get<double>();
  }

  bool flag(const char* key, bool fallback) const {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_boolean()) fail(key, value->dump(), "true or false");
    return value->get<bool>();
  }

  std::string text(const char* key, const std::string& fallback) const {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_string()) fail(key, value->dump(), "a string");
    return value->get<std::string>();
  }

  //! One of the allowed, or the fallback.
  std::string word(const char* key, const std::string& fallback, const std::vector<std::string>& allowed) const {
    if (find(key) == nullptr) return fallback;
    std::string found = text(key, fallback);
    if (std::ranges::find(allowed, found) == allowed.end()) fail(key, "'" + found + "'", list_of(allowed));
    return found;
  }

  [[noreturn]] void fail(const std::string& key, const std::string& found, const std::string& expected) const {
    throw ModelError(file_, key + ": found " + found + ", expected " + expected);
  }

  const std::string& file() const { return file_; }

 private:
  Json json_;
  std::string file_;
};

Settings open_settings(const std::filesystem::path& given) {
  const std::filesystem::path path = std::filesystem::is_regular_file(given) ? given : given / "config.json";
  if (!std::filesystem::is_regular_file(path)) {
    throw ModelError(path.string(),
                     "no such file; expected a Hugging Face folder with config.json and model.safetensors");
  }
  Json json = read_json(path);
  if (!json.is_object()) throw ModelError(path.string(), "found no JSON object, expected the settings of a model");
  return {std::move(json), path.string()};
}

//! The object of rotary settings: transformers 5's rope_parameters, or rope_scaling, which goes before it there too.
std::optional<Settings> rotary_object(const Settings& settings) {
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const Json* value = settings.find(key);
    if (value == nullptr) continue;
    if (!value->is_object()) settings.fail(key, value->dump(), "an object");
    if (value->empty()) continue;
    Settings rope(*value, settings.file() + ": " + key);
    for (const auto& [name, entry] : value->items()) {
      if (entry.is_object()) rope.fail(name, "an object", "one number or name for all layers");
    }
    return rope;
  }
  return std::nullopt;
}

//! transformers 5 has rope_parameters; before it rope_scaling named departures from the plain rotation.
void read_rotary(const Settings& settings, GptNeoxConfig& config) {
  config.rotary_fraction = settings.number("rotary_pct", config.rotary_fraction);
  config.rotary_base = settings.number("rotary_emb_base", config.rotary_base);
  if (const std::optional<Settings> rope = rotary_object(settings)) {
    config.rotary_fraction = rope->number("partial_rotary_factor", config.rotary_fraction);
    config.rotary_base = rope->number("rope_theta", config.rotary_base);
    const std::string type = rope->text("rope_type", rope->text("type", "default"));
    if (type != "default" && type != "linear") rope->fail("rope_type", "'" + type + "'", "'default' or 'linear'");
    if (type == "linear") config.rotary_scale = rope->number("factor", 0.0);
    if (!(config.rotary_scale > 0)) rope->fail("factor", std::to_string(config.rotary_scale), "a number above 0");
  }
  if (!(config.rotary_base > 0)) settings.fail("rotary_emb_base", std::to_string(config.rotary_base), "above 0");
}

void refuse_other_architectures(const Settings& settings) {
  const std::string type = settings.text("model_type", "");
  if (type != "gpt_neox") settings.fail("model_type", "'" + type + "'", "'gpt_neox' (GPT-NeoX, as Pythia)");
  if (settings.find("quantization_config") != nullptr) {
    settings.fail("quantization_config", "a quantized checkpoint", "weights in float32, float16 or bfloat16");
  }
}

void check_shapes(const Settings& settings, const GptNeoxConfig& config) {
  if (config.d_model % config.n_heads != 0) {
    settings.fail("num_attention_heads", std::to_string(config.n_heads),
                  "a divisor of hidden_size (" + std::to_string(config.d_model) + ")");
  }
  const int64_t d_head = config.d_model / config.n_heads;
  if (const int64_t found = settings.positive("head_dim", d_head); found != d_head) {
    settings.fail("head_dim", std::to_string(found), std::to_string(d_head) + " (hidden_size / num_attention_heads)");
  }
  const auto d_rotary = static_cast<int64_t>(static_cast<double>(d_head) * config.rotary_fraction);
  if (!(config.rotary_fraction <= 1.0) || d_rotary < 2 || d_rotary % 2 != 0) {
    settings.fail("rotary_pct", std::to_string(config.rotary_fraction),
                  "a fraction that turns an even number of the " + std::to_string(d_head) + " dimensions of a head");
  }
}

}  // namespace

GptNeoxConfig read_config(const std::filesystem::path& path) {
  const Settings settings = open_settings(path);
  refuse_other_architectures(settings);
  GptNeoxConfig config;
  config.n_layers = settings.positive("num_hidden_layers");
  config.d_model = settings.positive("hidden_size");
  config.n_heads = settings.positive("num_attention_heads");
  config.d_mlp = settings.positive("intermediate_size");
  config.vocab_size = settings.positive("vocab_size");
  config.max_context = settings.positive("max_position_embeddings", config.max_context);
  config.layer_norm_eps = settings.number("layer_norm_eps", config.layer_norm_eps);
  config.parallel_residual = settings.flag("use_parallel_residual", config.parallel_residual);
  config.attention_bias = settings.flag("attention_bias", config.attention_bias);
  config.tied_embeddings = settings.flag("tie_word_embeddings", config.tied_embeddings);
  config.activation = settings.word("hidden_act", config.activation, activations());
  config.step0_recipe = settings.word("saesweep_step0", "", step0_recipes());
  read_rotary(settings, config);
  check_shapes(settings, config);
  return config;
}

std::string settings_text(const GptNeoxConfig& c) {
  const std::string scale = c.rotary_scale == 1.0 ? "" : fmt::format(" rotary_scale={:.17g}", c.rotary_scale);
  return fmt::format(
      "gpt_neox layers={} d_model={} heads={} d_mlp={} vocab={} rotary={:.17g} base={:.17g} eps={:.17g} parallel={} "
      "bias={} tied={} activation={}{}",
      c.n_layers, c.d_model, c.n_heads, c.d_mlp, c.vocab_size, c.rotary_fraction, c.rotary_base, c.layer_norm_eps,
      c.parallel_residual, c.attention_bias, c.tied_embeddings, c.activation, scale);
}

}  // namespace saesweep::model
