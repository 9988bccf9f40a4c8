#pragma once

#include <optional>
#include <string>

#include "model/hookpoint.h"

namespace saesweep::model {

//! The name that TransformerLens has for a hookpoint: `blocks.3.hook_resid_post` for `layers.3`.
std::string transformer_lens_name(const Hookpoint& hookpoint);

//! The hookpoint of such a name, also of `hook_resid_pre`, the stream that a block reads; none for hooks that have no
//! hookpoint here.
std::optional<Hookpoint> hookpoint_of_transformer_lens(const std::string& name);

}  // namespace saesweep::model
