#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/compute.h"
#include "results/cell_row.h"
#include "sweep/options.h"
#include "text/text_stores.h"
#include "text/tokenizer.h"

namespace saesweep::sweep {

//! Host, processor and, where one is used, device: one line.
std::string machine_line(at::Device device);

//! What the results file says of the run that makes it.
results::RootInfo root_info(const SweepOptions& options, at::Device device, const text::TokenizedText& text);

//! The tokens of each tokenizer.
std::vector<results::Vocabulary> vocabularies_of(const std::map<std::string, text::Tokenizer>& tokenizers);

}  // namespace saesweep::sweep
