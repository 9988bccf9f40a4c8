#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/compute.h"
#include "results/cell_row.h"
#include "results/schema.h"
#include "sweep/options.h"
#include "text/text_stores.h"
#include "text/tokenizer.h"

namespace saesweep::sweep {

//! Host, processor and, where one is used, device: one line.
std::string machine_line(at::Device device);

//! What a results file says of the program, of such a version, and machine that make it: all but the sweep.
results::RootInfo machine_info(const std::string& version, at::Device device);

//! What the results file says of the run that makes it.
results::RootInfo root_info(const SweepOptions& options, const std::string& version, at::Device device,
                            const text::TokenizedText& text);

//! For people: what earlier runs left of so many cells, and what is new; "" where they left nothing, or nothing is to
//! do. stages: of the cells that are not done.
std::string kept_text(int64_t n_cells, int64_t n_done, std::span<const results::Stage> stages);

//! The tokens of each tokenizer.
std::vector<results::Vocabulary> vocabularies_of(const std::map<std::string, text::Tokenizer>& tokenizers);

}  // namespace saesweep::sweep
