#include "autointerp/cell_scoring.h"

#include <algorithm>
#include <utility>

#include "autointerp/answers.h"
#include "autointerp/example_text.h"
#include "autointerp/prompts.h"
#include "base/random.h"

namespace saesweep::autointerp {

CellScoring::CellScoring(std::vector<LatentExamples> latents, const AutointerpOptions& options,
                         const JudgeAbilities& judge, TokenText token_text)
    : latents_(std::move(latents)),
      options_(options),
      judge_(judge),
      token_text_(std::move(token_text)),
      scores_(latents_.size()),
      n_explanations_open_(latents_.size()) {
  for (size_t latent = 0; latent < latents_.size(); ++latent) prepare(latent);
}

bool CellScoring::wants(const std::string& scorer) const {
  return std::find(options_.scorers.begin(), options_.scorers.end(), scorer) != options_.scorers.end();
}

void CellScoring::prepare(size_t latent) {
  const LatentExamples& examples = latents_[latent];
  LatentScores& scores = scores_[latent];
  if (wants("fuzzing")) scores.fuzz.examples = fuzzing_examples(examples, options_);
  if (wants("detection")) scores.detection.examples = detection_examples(examples, options_);
  if (wants("simulation")) {
    const auto n = std::min(examples.firing.size(), static_cast<size_t>(options_.simulation_examples));
    for (size_t i = 0; i < n; ++i) scores.simulation.places.push_back(i * examples.firing.size() / n);
    scores.simulation.predicted.resize(n);
  }
  scores.fuzz.answers.resize(scores.fuzz.examples.size());
  scores.detection.answers.resize(scores.detection.examples.size());
}

template <typename Scores>
auto& CellScoring::judged_of(Scores& scores, const Prompt& prompt) {
  if (prompt.task == Task::kFuzzing) return prompt.is_null ? scores.fuzz_null : scores.fuzz;
  return prompt.is_null ? scores.detection_null : scores.detection;
}

std::optional<judge::Work::Ask> CellScoring::next() {
  if (ready_.empty() && n_explanations_asked_ < latents_.size()) {
    ready_.push_back({.task = Task::kExplanation, .latent = n_explanations_asked_++});
  }
  if (ready_.empty()) return std::nullopt;
  const Prompt prompt = ready_.front();
  ready_.pop_front();
  asked_.emplace(next_tag_, prompt);
  return Ask{next_tag_++, request_of(prompt)};
}

bool CellScoring::is_done() const {
  return n_explanations_open_ == 0 && ready_.empty() && asked_.empty();
}

judge::Request CellScoring::request_of(const Prompt& prompt) const {
  switch (prompt.task) {
    case Task::kExplanation:
      return explanation_request(latents_[prompt.latent]);
    case Task::kSimulation:
      return simulation_request(prompt);
    default:
      return classification_request(prompt);
  }
}

judge::Request CellScoring::explanation_request(const LatentExamples& examples) const {
  const PromptTemplate& prompt = options_.prompts.explanation;
  float greatest = 0;
  for (const Window& window : examples.explainer) greatest = std::max(greatest, peak_of(window));
  std::vector<std::string> lines;
  for (const Window& window : examples.explainer) {
    const Marks marks = marks_of(window, options_.mark_threshold);
    lines.push_back(filled(prompt.example, {{"number", std::to_string(lines.size() + 1)},
                                            {"text", example_text(window, marks, token_text_)},
                                            {"activations", activations_text(window, marks, greatest, token_text_)}}));
  }
  return chat_of(prompt, {{"examples", joined_lines(lines)}, {"n_examples", std::to_string(lines.size())}}, false);
}

judge::Request CellScoring::classification_request(const Prompt& prompt) const {
  const PromptTemplate& text = prompt.task == Task::kFuzzing ? options_.prompts.fuzzing : options_.prompts.detection;
  const LatentExamples& latent = latents_[prompt.latent];
  const std::vector<ScorerExample>& examples = judged_of(scores_[prompt.latent], prompt).examples;
  std::vector<std::string> lines;
  for (size_t i = prompt.first; i < prompt.first + prompt.n; ++i) {
    const Window& window = (examples[i].is_firing ? latent.firing : latent.silent)[examples[i].place];
    lines.push_back(filled(text.example, {{"number", std::to_string(lines.size() + 1)},
                                          {"text", example_text(window, examples[i].marks, token_text_)}}));
  }
  return chat_of(text,
                 {{"explanation", explanation_for(prompt)},
                  {"examples", joined_lines(lines)},
                  {"n_examples", std::to_string(lines.size())}},
                 judge_.logprobs);
}

judge::Request CellScoring::simulation_request(const Prompt& prompt) const {
  const PromptTemplate& text =
      judge_.prompt_logprobs ? options_.prompts.simulation_prompt : options_.prompts.simulation;
  const Window& window = latents_[prompt.latent].firing[scores_[prompt.latent].simulation.places[prompt.first]];
  std::vector<std::string> lines;
  for (const uint32_t id : window.ids) {
    lines.push_back(
        filled(text.example, {{"number", std::to_string(lines.size() + 1)}, {"token", token_line(token_text_(id))}}));
  }
  const Placeholders placeholders{{"explanation", explanation_for(prompt)},
                                  {"tokens", joined_lines(lines)},
                                  {"n_examples", std::to_string(lines.size())}};
  if (!judge_.prompt_logprobs) return chat_of(text, placeholders, judge_.logprobs);
  return {.kind = judge::Request::Kind::kPrompt,
          .messages = {},
          .prompt = filled(text.user, placeholders),
          .max_tokens = text.max_tokens,
          .logprobs = true};
}

const std::string& CellScoring::explanation_for(const Prompt& prompt) const {
  const LatentScores& own = scores_[prompt.latent];
  return prompt.is_null ? scores_[static_cast<size_t>(own.null_of)].explanation : own.explanation;
}

Simulated& CellScoring::simulated_of(const Prompt& prompt) {
  LatentScores& scores = scores_[prompt.latent];
  return prompt.is_null ? scores.simulation_null : scores.simulation;
}

void CellScoring::take(uint64_t tag, const judge::Reply& reply) {
  const Prompt& prompt = asked_.at(tag);
  if (prompt.task == Task::kExplanation) {
    take_explanation(prompt, reply);
  } else if (prompt.task == Task::kSimulation) {
    const size_t n = latents_[prompt.latent].firing.front().ids.size();
    simulated_of(prompt).predicted[prompt.first] =
        judge_.prompt_logprobs ? read_simulation_prompt(reply, n) : read_simulation(reply, n);
  } else {
    const std::vector<Answer> answers = read_classification(reply, prompt.n, judge_.logprobs);
    std::copy(answers.begin(), answers.end(),
              judged_of(scores_[prompt.latent], prompt).answers.begin() + static_cast<int64_t>(prompt.first));
  }
  ++tallies_[prompt.task].n_taken;
  asked_.erase(tag);
  finish();
}

void CellScoring::take_explanation(const Prompt& prompt, const judge::Reply& reply) {
  LatentScores& scores = scores_[prompt.latent];
  scores.explanation = read_explanation(reply, options_.prompts.explanation.answer_after);
  scores.state = LatentState::kScored;
  add_prompts(prompt.latent, false);
  explained();
}

void CellScoring::give_up(uint64_t tag, const std::string& fault) {
  const Prompt prompt = asked_.at(tag);
  if (prompt.task == Task::kExplanation) {
    scores_[prompt.latent].state = LatentState::kNoExplanation;
    explained();
  } else if (prompt.task != Task::kSimulation && !prompt.is_null) {
    scores_[prompt.latent].n_unparsable += static_cast<int64_t>(prompt.n);
  }
  ++tallies_[prompt.task].n_given_up;
  last_fault_ = fault;
  asked_.erase(tag);
  finish();
}

std::string CellScoring::unanswered_task() const {
  static const std::map<Task, std::string> names{{Task::kExplanation, "explanations"},
                                                 {Task::kFuzzing, "fuzzing"},
                                                 {Task::kDetection, "detection"},
                                                 {Task::kSimulation, "simulation"}};
  for (const auto& [task, tally] : tallies_) {
    if (tally.n_taken == 0 && tally.n_given_up > 0) return names.at(task);
  }
  return "";
}

void CellScoring::add_prompts(size_t latent, bool is_null) {
  LatentScores& scores = scores_[latent];
  const auto n_most = static_cast<size_t>(options_.examples_per_prompt);
  for (const Task task : {Task::kFuzzing, Task::kDetection}) {
    const size_t n = (task == Task::kFuzzing ? scores.fuzz : scores.detection).examples.size();
    for (size_t first = 0; first < n; first += n_most) {
      ready_.push_back({task, latent, is_null, first, std::min(n_most, n - first)});
    }
  }
  for (size_t i = 0; i < scores.simulation.places.size(); ++i) {
    ready_.push_back({Task::kSimulation, latent, is_null, i, 1});
  }
}

void CellScoring::explained() {
  if (--n_explanations_open_ == 0) add_nulls();
}

//! All latents look equally far ahead, so that each explanation serves as a null once: one that happens to suit many
//! examples weighs no more than others.
int64_t CellScoring::null_of(size_t latent) const {
  const size_t n = latents_.size();
  if (n < 2) return -1;
  const uint64_t first = Stream{"null explanations", latents_.front().latent}.bits(0) % (n - 1);
  for (size_t step = 0; step < n - 1; ++step) {
    const size_t other = (latent + 1 + (first + step) % (n - 1)) % n;
    if (scores_[other].state == LatentState::kScored) return static_cast<int64_t>(other);
  }
  return -1;
}

void CellScoring::add_nulls() {
  const auto n = std::min(latents_.size(), static_cast<size_t>(options_.null_latents));
  for (size_t latent = 0; latent < n; ++latent) {
    LatentScores& scores = scores_[latent];
    scores.null_of = null_of(latent);
    if (scores.null_of < 0) continue;
    scores.fuzz_null = {scores.fuzz.examples, std::vector<Answer>(scores.fuzz.examples.size())};
    scores.detection_null = {scores.detection.examples, std::vector<Answer>(scores.detection.examples.size())};
    scores.simulation_null = {scores.simulation.places,
                              std::vector<std::vector<double>>(scores.simulation.places.size())};
    add_prompts(latent, true);
  }
}

void CellScoring::finish() {
  if (!is_done()) return;
  for (LatentScores& scores : scores_) finish_latent(scores);
}

void CellScoring::finish_latent(LatentScores& scores) {
  for (const Judged* judged : {&scores.fuzz, &scores.detection}) {
    for (const Answer& answer : judged->answers) ++(answer.answer >= 0 ? scores.n_judged : scores.n_missing);
  }
}

}  // namespace saesweep::autointerp
