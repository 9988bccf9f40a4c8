#pragma once

#include <filesystem>

namespace saesweep {

//! The folder of prompt files: what the environment's SAESWEEP_PROMPTS names; else share/saesweep/prompts (installed)
//! or share/prompts (a checkout) beside the program's folder or one of the two above it; else that of the checkout the
//! program was built from. Throws InputError where there is none.
std::filesystem::path prompts_folder();

//! The folder of the models' configs that the program brings: share/saesweep/sweeps/configs (installed) or
//! sweeps/configs (a checkout), looked for in the same places. Empty where there is none.
std::filesystem::path configs_folder();

}  // namespace saesweep
