#include "app/requests_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "app/table.h"
#include "autointerp/request_counts.h"

namespace saesweep::app {
namespace {

using autointerp::RequestCount;

void add(RequestCount& sum, const RequestCount& count, int64_t times = 1) {
  sum.n_requests += count.n_requests * times;
  sum.n_prompt_tokens += count.n_prompt_tokens * static_cast<double>(times);
  sum.n_reply_tokens += count.n_reply_tokens * static_cast<double>(times);
}

//! By task over all cells, and their sum as the last.
std::vector<RequestCount> counts_of(const sweep::SweepOptions& options, std::span<const sweep::Cell> cells) {
  std::map<int64_t, int64_t> n_by_latents;
  for (const auto& cell : cells) ++n_by_latents[cell.n_latents];
  std::vector<RequestCount> sums;
  const bool by_prompt = options.judge.prompt_logprobs != "none";
  for (const auto& [n_latents, n_cells] : n_by_latents) {
    for (const auto& count : autointerp::request_counts(options.autointerp, by_prompt, n_latents)) {
      auto found = std::ranges::find(sums, count.task, &RequestCount::task);
      if (found == sums.end()) found = sums.insert(found, {.task = count.task});
      add(*found, count, n_cells);
    }
  }
  RequestCount all{.task = "all"};
  for (const auto& sum : sums) add(all, sum);
  sums.push_back(all);
  return sums;
}

std::string budget_text(const char* name, int64_t budget, double needed) {
  if (budget == 0 || static_cast<double>(budget) >= needed) return "";
  return fmt::format("judge.{} {} will not suffice for that: a run that has spent it ends, and the next one goes on\n",
                     name, budget);
}

}  // namespace

std::string count_text(double count) {
  if (count < 999.5) return fmt::format("{:.0f}", count);
  for (const char* unit : {"k", "M", "G"}) {
    count /= 1000;
    if (count < 9.95) return fmt::format("{:.1f} {}", count, unit);
    if (count < 999.5) return fmt::format("{:.0f} {}", count, unit);
  }
  return fmt::format("{:.0f} T", count / 1000);
}

std::string requests_text(const sweep::SweepOptions& options, std::span<const sweep::Cell> cells) {
  if (!options.autointerp.is_wanted || cells.empty()) return "";
  TextTable table({"task", "requests", "prompt tokens", "reply tokens"});
  const auto counts = counts_of(options, cells);
  for (const auto& count : counts) {
    table.add({count.task, std::to_string(count.n_requests), count_text(count.n_prompt_tokens),
               count_text(count.n_reply_tokens)});
  }
  const auto& all = counts.back();
  const auto& judge = options.judge;
  return fmt::format(
      "\nRequests to the judge ({}) where {} latents of every cell qualify; tokens are estimates:\n{}{}{}",
      judge.kind == "openai" ? judge.model : judge.kind, options.autointerp.latents, table.text(),
      budget_text("budget_requests", judge.budget_requests, static_cast<double>(all.n_requests)),
      budget_text("budget_tokens", judge.budget_tokens, all.n_prompt_tokens + all.n_reply_tokens));
}

}  // namespace saesweep::app
