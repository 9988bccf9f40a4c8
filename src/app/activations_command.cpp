#include "app/activations_command.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <filesystem>
#include <iostream>

#include "base/errors.h"
#include "model/gpt_neox.h"
#include "model/safetensors.h"
#include "model/variants.h"
#include "text/documents.h"
#include "text/store_writer.h"
#include "text/token_rows.h"
#include "text/token_store.h"
#include "text/tokenizer.h"

namespace saesweep::app {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

constexpr const char* kUsage =
    "saesweep activations MODEL --text FILE [--hookpoint NAME]... [--logits] -o OUT.safetensors\n"
    "Writes tensors named by hookpoint, [tokens, d_model], logits, [tokens, vocab], and input_ids, [tokens].\n"
    "The text is cut into rows as a sweep cuts it: an end-of-text token opens it, a rest shorter than a row is "
    "dropped.\n";

//! Rows a forward pass takes at a time.
constexpr int64_t kBatchRows = 4;

po::options_description describe() {
  po::options_description options("Options");
  options.add_options()("help,h", "this text");
  options.add_options()("model", po::value<std::string>(),
                        "folder of the checkpoint, with tokenizer.json (or as first argument)");
  options.add_options()("text", po::value<std::string>(), "file of the text");
  options.add_options()("hookpoint", po::value<std::vector<std::string>>()->composing(),
                        "embed_in, layers.N, layers.N.attention or layers.N.mlp; may be repeated");
  options.add_options()("logits", "write the logits, too");
  options.add_options()("variant", po::value<std::string>()->default_value("trained"),
                        "trained, rerandomized_incl, rerandomized_excl, step0 or control");
  options.add_options()("init-seed", po::value<int64_t>()->default_value(0), "seed of what the variant draws");
  options.add_options()("context-length", po::value<int64_t>(), "tokens a row (default: the most the model takes)");
  options.add_options()("rows", po::value<int64_t>(), "stop after so many rows (default: all)");
  options.add_options()("dtype", po::value<std::string>()->default_value("float32"), "float32 or bfloat16");
  options.add_options()("output,o", po::value<std::string>(), "file to write");
  return options;
}

[[noreturn]] void refuse(const std::string& what) {
  throw ConfigError("saesweep activations", what + " (see saesweep activations --help)");
}

po::variables_map parse(const std::vector<std::string>& args, const po::options_description& options) try {
  po::positional_options_description positional;
  positional.add("model", 1);
  po::variables_map given;
  po::store(po::command_line_parser(args).options(options).positional(positional).run(), given);
  return given;
} catch (const po::error& error) {
  refuse(error.what());
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

//! A token store of one text beside the output, removed at the end.
class ScratchStore {
 public:
  ScratchStore(const fs::path& text, const text::Tokenizer& tokenizer, const fs::path& output)
      : path_(output.string() + ".tokens") {
    text::StoreWriter writer(path_, tokenizer);
    text::for_each_document(text, [&](std::string_view document) { writer.add(document); });
    writer.commit();
  }
  ~ScratchStore() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  ScratchStore(const ScratchStore&) = delete;
  ScratchStore& operator=(const ScratchStore&) = delete;

  text::TokenStore open() const { return text::TokenStore::open(path_); }

 private:
  fs::path path_;
};

//! int64 [n, context]: rows first .. first + n - 1.
at::Tensor ids_of(const text::TokenRows& rows, int64_t first, int64_t n) {
  const auto context = static_cast<size_t>(rows.context_length());
  at::Tensor ids = at::empty({n, rows.context_length()}, at::kLong);
  auto* out = ids.mutable_data_ptr<int64_t>();
  for (int64_t row = 0; row < n; ++row) rows.ids(first + row, {out + static_cast<size_t>(row) * context, context});
  return ids;
}

//! The control variant's noise of the same rows.
at::Tensor noise_of(const text::TokenRows& rows, int64_t first, int64_t n, int64_t seed, int64_t d_model) {
  std::vector<text::TokenOrigin> origins(static_cast<size_t>(rows.context_length()));
  std::vector<uint64_t> documents;
  std::vector<uint32_t> positions;
  for (int64_t row = first; row < first + n; ++row) {
    rows.origins(row, origins);
    for (const text::TokenOrigin& origin : origins) {
      documents.push_back(origin.document);
      positions.push_back(origin.position);
    }
  }
  return model::control_embeddings(seed, documents, positions, n, rows.context_length(), d_model);
}

//! What is asked of the model and of the text.
struct Task {
  model::Variant variant;
  int64_t init_seed;
  std::vector<model::Hookpoint> hookpoints;
  bool logits;
};

Task task_of(const po::variables_map& given) {
  Task task{model::variant_from(given["variant"].as<std::string>()),
            given["init-seed"].as<int64_t>(),
            {},
            given.contains("logits")};
  if (given.contains("hookpoint")) {
    for (const auto& name : given["hookpoint"].as<std::vector<std::string>>()) {
      task.hookpoints.push_back(model::hookpoint_from(name));
    }
  }
  return task;
}

//! The tensors to write, over the first n_rows rows.
model::NamedTensors run(const model::GptNeox& model, const Task& task, const text::TokenRows& rows, int64_t n_rows) {
  std::vector<std::vector<at::Tensor>> parts(task.hookpoints.size() + 2);
  for (int64_t first = 0; first < n_rows; first += kBatchRows) {
    const int64_t n = std::min(kBatchRows, n_rows - first);
    model::ForwardRequest request{.capture = task.hookpoints, .logits = task.logits};
    if (task.variant == model::Variant::kControl) {
      request.embeddings = noise_of(rows, first, n, task.init_seed, model.config().d_model);
    }
    const at::Tensor ids = ids_of(rows, first, n);
    model::ForwardResult result = model.forward(ids, request);
    parts[0].push_back(ids.flatten());
    if (task.logits) parts[1].push_back(result.logits.flatten(0, 1));
    for (size_t i = 0; i < result.captured.size(); ++i) parts[i + 2].push_back(result.captured[i].flatten(0, 1));
  }
  model::NamedTensors tensors = {{"input_ids", at::cat(parts[0])}};
  if (task.logits) tensors.emplace_back("logits", at::cat(parts[1]));
  for (size_t i = 0; i < task.hookpoints.size(); ++i) {
    tensors.emplace_back(task.hookpoints[i].name(), at::cat(parts[i + 2]));
  }
  return tensors;
}

int64_t rows_wanted(const text::TokenRows& rows, const text::TokenStore& store, const po::variables_map& given) {
  if (rows.n_rows() == 0) {
    throw InputError(given["text"].as<std::string>(),
                     fmt::format("{} tokens found, fewer than one row of {}; give a smaller --context-length",
                                 store.n_tokens(), rows.context_length()));
  }
  return given.contains("rows") ? std::min(given["rows"].as<int64_t>(), rows.n_rows()) : rows.n_rows();
}

void write_activations(const po::variables_map& given) {
  const fs::path folder = given["model"].as<std::string>(), output = given["output"].as<std::string>();
  const Task task = task_of(given);
  const model::ModelOptions options{.dtype = given["dtype"].as<std::string>()};
  const model::GptNeox model = model::make_variant(folder, task.variant, task.init_seed, options);
  const auto tokenizer = text::Tokenizer::load(folder / "tokenizer.json");
  const int64_t context =
      given.contains("context-length") ? given["context-length"].as<int64_t>() : model.config().max_context;
  const ScratchStore scratch(given["text"].as<std::string>(), tokenizer, output);
  const text::TokenStore store = scratch.open();
  const text::TokenRows rows(store, context);
  const model::NamedTensors tensors = run(model, task, rows, rows_wanted(rows, store, given));
  model::write_safetensors(
      output, tensors,
      {{"format", "pt"}, {"variant", model::name_of(task.variant)}, {"context_length", std::to_string(context)}});
  std::cout << fmt::format("{}: {} tokens in rows of {}\n", output.string(), tensors.front().second.numel(), context);
}

}  // namespace

int activations_command(const std::vector<std::string>& args) {
  const auto options = describe();
  const auto given = parse(args, options);
  if (given.contains("help")) {
    std::cout << kUsage << options;
    return 0;
  }
  check(given);
  write_activations(given);
  return 0;
}

}  // namespace saesweep::app
