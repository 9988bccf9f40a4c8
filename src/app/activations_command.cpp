#include "app/activations_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <filesystem>
#include <iostream>
#include <optional>

#include "app/arguments.h"
#include "base/errors.h"
#include "model/compute.h"
#include "model/gpt_neox.h"
#include "model/hookpoint.h"
#include "model/options.h"
#include "model/safetensors.h"
#include "model/source.h"
#include "model/variants.h"
#include "text/store_build.h"
#include "text/token_rows.h"
#include "text/token_store.h"
#include "text/tokenizer.h"
#include "train/text_activations.h"

namespace saesweep::app {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

constexpr const char* kUsage =
    "saesweep activations MODEL --text FILE [--hookpoint NAME]... [--logits] -o OUT.safetensors\n"
    "MODEL: a Hugging Face folder, a config file, or a name in the local hub cache (ORG/NAME@REVISION).\n"
    "Writes tensors named by hookpoint, [tokens, d_model], logits, [tokens, vocab], and input_ids, [tokens].\n"
    "The text is cut into rows as a sweep cuts it: an end-of-text token opens it, a rest shorter than a row is "
    "dropped.\n";

po::options_description describe() {
  po::options_description options("Options");
  options.add_options()("text", po::value<std::string>(), "file of the text");
  options.add_options()("hookpoint", po::value<std::vector<std::string>>()->composing(),
                        "embed_in, layers.N, layers.N.attention or layers.N.mlp; may be repeated");
  options.add_options()("logits", "write the logits, too");
  options.add_options()("variant", po::value<std::string>()->default_value("trained"),
                        "trained, rerandomized_incl, rerandomized_excl, step0 or control");
  options.add_options()("init-seed", po::value<int64_t>()->default_value(0), "seed of what the variant draws");
  options.add_options()("context-length", po::value<int64_t>(), "tokens a row (default: the most the model takes)");
  options.add_options()("rows", po::value<int64_t>(), "stop after so many rows (default: all)");
  options.add_options()("dtype", po::value<std::string>()->default_value("float32"),
                        "float32, bfloat16, or on CUDA float16");
  options.add_options()("device", po::value<std::string>()->default_value("cpu"), "cpu, cuda or cuda:N");
  options.add_options()("tokenizer", po::value<std::string>()->default_value(""),
                        "tokenizer.json, or the folder it stands in (default: the model's own)");
  options.add_options()("output,o", po::value<std::string>(), "file to write");
  return options;
}

[[noreturn]] void refuse(const std::string& what) {
  throw ConfigError("saesweep activations", what + " (see saesweep activations --help)");
}

void check(const po::variables_map& given) {
  if (!given.contains("model")) refuse("no MODEL given");
  if (!given.contains("text")) refuse("no --text given");
  if (!given.contains("output")) refuse("no -o OUT.safetensors given");
  if (!given.contains("hookpoint") && !given.contains("logits")) refuse("give --hookpoint NAME, --logits, or both");
  for (const char* option : {"context-length", "rows"}) {
    if (!given.contains(option)) continue;
    const auto value = given[option].as<int64_t>();
    if (value < 1) refuse(fmt::format("--{}: found {}, expected at least 1", option, value));
  }
}

//! A folder beside the output, removed at the end.
class ScratchFolder {
 public:
  explicit ScratchFolder(const fs::path& output) : path_(text::make_build_folder(output)) {}
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

text::TokenStore make_scratch_store(const ScratchFolder& folder, const fs::path& text,
                                    const text::Tokenizer& tokenizer) {
  const fs::path path = folder.path() / "text.tokens";
  text::make_store(path, {text}, tokenizer);
  return text::TokenStore::open(path);
}

int64_t rows_wanted(const text::TokenRows& rows, const text::TokenStore& store, const po::variables_map& given) {
  if (rows.n_rows() == 0) {
    throw InputError(given["text"].as<std::string>(),
                     fmt::format("{} tokens found, fewer than one row of {}; give a smaller --context-length",
                                 store.n_tokens(), rows.context_length()));
  }
  return given.contains("rows") ? std::min(given["rows"].as<int64_t>(), rows.n_rows()) : rows.n_rows();
}

std::vector<model::Hookpoint> hookpoints_of(const po::variables_map& given) {
  std::vector<model::Hookpoint> hookpoints;
  if (!given.contains("hookpoint")) return hookpoints;
  for (const auto& name : given["hookpoint"].as<std::vector<std::string>>()) {
    hookpoints.push_back(model::hookpoint_from(name));
    if (std::ranges::count(hookpoints, hookpoints.back()) > 1)
      refuse(fmt::format("--hookpoint {} is given twice", name));
  }
  return hookpoints;
}

void write_activations(const po::variables_map& given) {
  const fs::path output = given["output"].as<std::string>();
  const auto source = model::find_model(given["model"].as<std::string>());
  const auto variant = model::variant_from(given["variant"].as<std::string>());
  const auto init_seed = given["init-seed"].as<int64_t>();
  const auto hookpoints = hookpoints_of(given);
  const model::ModelOptions options{.dtype = given["dtype"].as<std::string>()};
  const auto tokenizer = text::Tokenizer::load(model::tokenizer_file(source, given["tokenizer"].as<std::string>()));
  const auto device = model::device_from(given["device"].as<std::string>());
  const model::GptNeox model = model::make_variant(source, variant, init_seed, options, device);
  const auto context =
      given.contains("context-length") ? given["context-length"].as<int64_t>() : model.config().max_context;
  const ScratchFolder scratch(output);
  const text::TokenStore store = make_scratch_store(scratch, given["text"].as<std::string>(), tokenizer);
  const text::TokenRows rows(text::TokenStream(store, [](const Digest&) { return true; }), context);
  const int64_t n_rows = rows_wanted(rows, store, given);
  const bool is_control = variant == model::Variant::kControl;
  const auto tensors = train::text_activations(model, rows, n_rows, hookpoints, given.contains("logits"),
                                               is_control ? std::optional(init_seed) : std::nullopt);
  const std::string row = std::to_string(context);
  model::write_safetensors(output, tensors,
                           {{"format", "pt"}, {"variant", model::name_of(variant)}, {"context_length", row}});
  std::cout << fmt::format("{}: {} tokens in rows of {}\n", output.string(), n_rows * context, context);
}

}  // namespace

int activations_command(const std::vector<std::string>& args) {
  const auto options = describe();
  const auto given = parse_arguments("activations", args, options, "model");
  if (given.contains("help")) {
    std::cout << help_text(kUsage, options);
    return 0;
  }
  check(given);
  write_activations(given);
  return 0;
}

}  // namespace saesweep::app
