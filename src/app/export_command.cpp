#include "app/export_command.h"

#include <fmt/format.h>

#include <filesystem>
#include <limits>

#include "app/arguments.h"
#include "base/errors.h"
#include "model/transformer_lens.h"
#include "sae/folder.h"
#include "sae/saelens_folder.h"
#include "sweep/loaded_saes.h"

namespace saesweep::app {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

constexpr const char* kUsage =
    "Usage: saesweep export SAE_FOLDER --format saelens|sparsify -o FOLDER [--model NAME]\n\n"
    "Writes an SAE, of sparsify's form (as runs leave it under OUTPUT/saes/) or SAELens', in the form asked for.\n"
    "SAELens has topk, standard (relu) and jumprelu; batch_topk and matryoshka become jumprelu with their threshold.\n";

po::options_description describe() {
  po::options_description options("Options");
  options.add_options()("format", po::value<std::string>()->value_name("NAME"), "saelens or sparsify")(
      "output,o", po::value<std::string>()->value_name("FOLDER"), "folder to write; must be empty or not there")(
      "model", po::value<std::string>()->value_name("NAME"),
      "model it was trained on, as SAELens calls it (default: what the folder says)");
  return options;
}

std::string option(const po::variables_map& given, const char* name, const std::string& usage) {
  if (given.contains(name)) return given[name].as<std::string>();
  throw ConfigError("saesweep export", fmt::format("no {} given; see saesweep export --help", usage));
}

void require_empty(const fs::path& folder) {
  if (!fs::exists(folder) || (fs::is_directory(folder) && fs::is_empty(folder))) return;
  throw OutputError(folder.string(), "is there and not empty; give another -o FOLDER, nothing is overwritten");
}

//! What the files say, or the folder's name where that is a hookpoint's.
std::string hook_name_of(const fs::path& folder, const sae::FolderInfo& info) {
  if (!info.hook_name.empty()) return info.hook_name;
  const auto hookpoint = sweep::trained_on(fs::absolute(folder), info);
  return hookpoint ? model::transformer_lens_name(*hookpoint) : "";
}

void export_sae(const fs::path& folder, sae::FolderFormat format, const fs::path& output, std::string model_name) {
  const sae::FolderInfo info = sae::check_sae(folder);
  if (format == sae::FolderFormat::kSaeLens && !sae::saelens_holds(info.architecture)) {
    throw ModelError(folder.string(), fmt::format("a {} SAE, which SAELens does not have; only --format sparsify holds "
                                                  "it",
                                                  name_of(info.architecture)));
  }
  const sae::Sae sae = sae::load_sae(folder);
  if (format == sae::FolderFormat::kSaeLens) {
    if (model_name.empty()) model_name = info.model_name;
    sae::save_saelens(output, sae, {model_name, hook_name_of(folder, info)});
    return;
  }
  sae::SaeOptions options;
  options.penalty = info.penalty.value_or(std::numeric_limits<double>::quiet_NaN());
  sae::save_sae(output, sae, options);
}

}  // namespace

int export_command(const std::vector<std::string>& args) {
  const auto options = describe();
  const auto given = parse_arguments("export", args, options, "folder");
  if (given.contains("help")) {
    fmt::print("{}", help_text(kUsage, options));
    return 0;
  }
  const fs::path folder = required_argument("export", given, "folder", "SAE_FOLDER");
  const auto format = sae::folder_format_from(option(given, "format", "--format saelens or --format sparsify"));
  const fs::path output = option(given, "output", "-o FOLDER");
  require_empty(output);
  export_sae(folder, format, output, given.contains("model") ? given["model"].as<std::string>() : "");
  fmt::print("{}: written in the form of {}\n", output.string(), name_of(format));
  return 0;
}

}  // namespace saesweep::app
