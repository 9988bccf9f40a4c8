#pragma once

#include <string>
#include <vector>

namespace saesweep::sae {

//! Kinds of sparse autoencoders: what becomes of the encoder's pre-activations, and with which loss.
enum class Architecture {
  kTopK,       //!< the k largest of a token (Gao et al. 2024, arXiv:2406.04093)
  kGroupMax,   //!< the largest of each of k equal groups of neighbouring latents (sparsify)
  kBatchTopK,  //!< the k * tokens largest of a batch; later those above a threshold (Bussmann et al. 2024,
               //!< arXiv:2412.06410)
  kRelu,       //!< all above 0, under an L1 penalty (Bricken et al. 2023, transformer-circuits.pub)
  kJumpRelu,  //!< all above a threshold of their own, under an L0 penalty (Rajamanoharan et al. 2024, arXiv:2407.14435)
  kMatryoshka  //!< BatchTopK of which every prefix reconstructs, too (Bussmann et al. 2025, arXiv:2503.17547)
};

//! All, in the order above.
const std::vector<Architecture>& all_architectures();

//! The name in sweep files and results: topk, groupmax, batch_topk, relu, jumprelu, matryoshka.
std::string name_of(Architecture architecture);

//! Throws InputError naming the allowed ones.
Architecture architecture_from(const std::string& name);

//! Whether SaeOptions::k decides how many latents are active: not for relu and jumprelu.
bool takes_k(Architecture architecture);

//! Whether one threshold for all latents, learnt in training, decides what is active afterwards.
bool has_common_threshold(Architecture architecture);

}  // namespace saesweep::sae
