#include "results/header.h"

#include "base/errors.h"

namespace saesweep::results {

namespace {

constexpr std::string_view kSoftware = "software_";
constexpr std::string_view kPrompt = "prompt_";
constexpr size_t kMostPromptBytes = 60'000;
constexpr const char* kBadLines = "text_bad_lines_skipped";

void check_version(const h5::File& file) {
  const std::string path = file.path().string();
  const bool has_type = file.has_attribute("/", "filetype") && file.has_attribute("/", "version");
  const std::string found = has_type ? file.text_attribute("/", "filetype") : "";
  if (found != kFileType) {
    throw OutputError(path, "found an HDF5 file of type '" + found + "', expected '" + std::string(kFileType) +
                                "'; give a file that saesweep wrote");
  }
  const int64_t version = file.number_attribute("/", "version");
  if (version != kVersion) {
    throw OutputError(path, "found version " + std::to_string(version) + " of the results file, expected version " +
                                std::to_string(kVersion) + "; read it with the saesweep that wrote it");
  }
}

void check_datasets(const h5::File& file) {
  for (const Dataset& one : schema()) {
    if (file.has(std::string(one.path))) continue;
    throw OutputError(file.path().string(), "found no dataset " + std::string(one.path) + ", which version " +
                                                std::to_string(kVersion) +
                                                " has; the file was made by another build or is damaged");
  }
}

h5::File open_whole(const std::filesystem::path& path) {
  try {
    return h5::File::open_read_only(path);
  } catch (const SystemError& error) {
    throw OutputError(path.string(), std::string("found an HDF5 file that is cut short or damaged (") + error.what() +
                                         "); restore it, or move it aside to start anew");
  }
}

}  // namespace

h5::File open_results(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) throw OutputError(path.string(), "no such file");
  if (std::filesystem::is_empty(path)) {
    throw OutputError(path.string(), "found an empty file; restore it, or move it aside to start anew");
  }
  if (!h5::is_hdf5(path)) throw OutputError(path.string(), "found no HDF5 file, expected a results file of saesweep");
  h5::File file = open_whole(path);
  check_version(file);
  check_datasets(file);
  return file;
}

Shape shape_of(const h5::File& file) {
  Shape shape;
  for (const Dataset& one : schema()) {
    const std::vector<hsize_t> dims = file.open_dataset(std::string(one.path)).dims();
    for (size_t i = 0; i < one.dimensions.size(); ++i) {
      if (const auto member = length_member(one.dimensions[i])) shape.*member = dims.at(i);
    }
  }
  return shape;
}

void write_root(h5::File& file, const RootInfo& info) {
  file.set_attribute("/", "filetype", kFileType);
  file.set_attribute("/", "version", kVersion);
  file.set_attribute("/", "sweep_name", info.sweep_name);
  file.set_attribute("/", "sweep", info.sweep);
  file.set_attribute("/", "machine", info.machine);
  file.set_attribute("/", "created", info.created);
  file.set_attribute("/", "shard", info.shard);
  file.set_attribute("/", "kind", info.kind);
  file.set_attribute("/", kBadLines, info.n_bad_lines);
  for (const auto& [name, version] : info.software) {
    file.set_attribute("/", std::string(kSoftware) + name, version);
  }
  for (const auto& [task, prompt] : info.prompts) {
    file.set_attribute("/", std::string(kPrompt) + task, h5::cut_text(prompt, kMostPromptBytes));
  }
}

RootInfo read_root(const h5::File& file) {
  RootInfo info;
  info.sweep_name = file.text_attribute("/", "sweep_name");
  info.sweep = file.text_attribute("/", "sweep");
  info.machine = file.text_attribute("/", "machine");
  info.created = file.text_attribute("/", "created");
  info.shard = file.text_attribute("/", "shard");
  info.kind = file.text_attribute("/", "kind");
  if (file.has_attribute("/", kBadLines)) info.n_bad_lines = file.number_attribute("/", kBadLines);
  for (const std::string& name : file.attribute_names("/")) {
    if (name.starts_with(kSoftware)) info.software[name.substr(kSoftware.size())] = file.text_attribute("/", name);
    if (name.starts_with(kPrompt)) info.prompts[name.substr(kPrompt.size())] = file.text_attribute("/", name);
  }
  return info;
}

}  // namespace saesweep::results
