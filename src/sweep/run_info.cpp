#include "sweep/run_info.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <ctime>
#include <fstream>

#include "base/utf8.h"
#include "mpi/comm.h"
#include "results/writer.h"
#include "sweep/scoring.h"
#include "sweep/unit_job.h"

namespace saesweep::sweep {

namespace {

std::string host_line() {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.starts_with("model name")) return fmt::format("{}, {}", host, line.substr(line.find(':') + 2));
  }
  return host;
}

//! The prompts that the sweep's scorers use.
std::map<std::string, std::string> prompts_of(const SweepOptions& options) {
  const autointerp::AutointerpOptions& scoring = options.autointerp;
  std::map<std::string, std::string> prompts;
  if (!scoring.is_wanted) return prompts;
  prompts["explanation"] = scoring.prompts.explanation.source_text;
  for (const std::string& scorer : scoring.scorers) {
    const bool by_prompt = options.judge.prompt_logprobs != "none";
    prompts[scorer] = scorer == "fuzzing"     ? scoring.prompts.fuzzing.source_text
                      : scorer == "detection" ? scoring.prompts.detection.source_text
                      : by_prompt             ? scoring.prompts.simulation_prompt.source_text
                                              : scoring.prompts.simulation.source_text;
  }
  return prompts;
}

}  // namespace

std::string machine_line(at::Device device) {
  const std::string name = model::device_name(device);
  return name.empty() ? host_line() : fmt::format("{}, {}", host_line(), name);
}

results::RootInfo machine_info(const std::string& version, at::Device device) {
  return {.sweep_name = "",
          .sweep = "",
          .software = {{"saesweep", version},
                       {"libtorch", model::libtorch_version()},
                       {"hdf5", results::storage_version()},
                       {"mpi", mpi::library_version()}},
          .machine = machine_line(device),
          .created = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))};
}

results::RootInfo root_info(const SweepOptions& options, const std::string& version, at::Device device,
                            const text::TokenizedText& text) {
  results::RootInfo info = machine_info(version, device);
  info.sweep_name = options.name;
  info.sweep = options.resolved;
  info.n_bad_lines = static_cast<int64_t>(text.n_bad_lines());
  info.prompts = prompts_of(options);
  return info;
}

std::string kept_text(int64_t n_cells, int64_t n_done, std::span<const results::Stage> stages) {
  std::map<results::Stage, int64_t> left;
  for (const results::Stage stage : stages) ++left[stage];
  const int64_t n_new = left[results::Stage::kNone];
  if (stages.empty() || n_done + std::ssize(stages) == n_new) return "";
  std::string kept = fmt::format("{} done", n_done);
  for (const auto& [stage, n] : left) {
    if (stage != results::Stage::kNone) kept += fmt::format(", {} {}", n, name_of(stage));
  }
  return fmt::format("{} cells; kept of earlier runs: {}; {} to train\n", n_cells, kept, n_new);
}

std::vector<results::Vocabulary> vocabularies_of(const std::map<std::string, text::Tokenizer>& tokenizers) {
  std::vector<results::Vocabulary> words;
  for (const auto& [hash, tokenizer] : tokenizers) {
    words.emplace_back();
    for (uint32_t id = 0; id < tokenizer.vocab_size(); ++id)
      words.back().push_back(valid_utf8(token_bytes(tokenizer, id)));
  }
  return words;
}

}  // namespace saesweep::sweep
