"""What the report says about each metric, and the order in which it shows them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A column of `cells`. at_best: the best value, for reading; bounded: at most 1, so panels share their limits;
    trained_only: means something for the trained variant only; null: the column that says what an explanation of another
    latent would get; chance: what guessing gets."""

    name: str
    label: str
    meaning: str
    at_best: str
    bounded: bool = True
    trained_only: bool = False
    null: str = ""
    chance: float | None = None


METRICS = (
    Metric("explained_variance", "Explained variance",
           "1 minus squared error over variance of the activations, the mean taken per dimension over all evaluated tokens",
           "1; 0 is no better than the mean"),
    Metric("cosine_similarity", "Cosine similarity", "between activation and reconstruction, mean over tokens", "1"),
    Metric("mse", "Mean squared error", "per dimension; grows with the norm of the activations, so compare it within a model and layer only", "0", bounded=False),
    Metric("explained_variance_no_first", "Explained variance, no first position",
           "without the first token of each row, where trained models have massive activations that the random ones lack", "1"),
    Metric("cosine_similarity_no_first", "Cosine similarity, no first position", "likewise", "1"),
    Metric("l1", "L1 norm of latents", "sum of the latents' activations, mean over tokens; grows with the norm of the activations", "no best value", bounded=False),
    Metric("fuzz_auroc", "Fuzzing AUROC", "judge tells rightly from wrongly marked tokens by the explanation, mean over scored latents",
           "1; 0.5 is chance", null="fuzz_auroc_null", chance=0.5),
    Metric("detection_auroc", "Detection AUROC", "judge tells activating from other examples by the explanation, mean over scored latents",
           "1; 0.5 is chance", null="detection_auroc_null", chance=0.5),
    Metric("simulation_correlation", "Simulation correlation", "of true activations and those that the judge predicts by the explanation, mean over scored latents",
           "1; 0 is chance", null="simulation_correlation_null", chance=0.0),
    Metric("ce_loss_score", "CE loss score",
           "share of the model's cross-entropy that the reconstruction keeps, against zeros in its place; missing where zeros cost less than 0.1 nats",
           "1", trained_only=True),
    Metric("kl_score", "KL score", "1 minus the KL divergence under the reconstruction over that under zeros", "1", trained_only=True),
    Metric("token_entropy", "Token entropy (nats)", "of the tokens on which a latent fires: low is tied to few tokens, high is abstract", "no best value", bounded=False),
    Metric("qualifying_share", "Qualifying latents", "share of the latents drawn that fire and are silent often enough to be scored; variants that differ here differ in which latents their scores are over", "1"),
    Metric("dead_fraction", "Dead latents", "share of latents that never fire on the evaluated text", "0"),
)  # fmt: skip

#: Names and order of the variants in figures and tables (study.md).
VARIANT_LABELS = {
    "trained": "Trained",
    "step0": "Step-0",
    "rerandomized_excl": "Re-randomized excl. emb.",
    "rerandomized_incl": "Re-randomized incl. emb.",
    "control": "Control",
    "superposed": "Superposed",
    "superposed_mlp": "Superposed, behind the MLP",
    "embedding": "Embedding",
    "embedding_mlp": "Embedding, behind the MLP",
    "gaussian": "Gaussian control",
    "gaussian_mlp": "Gaussian control, behind the MLP",
}


def variant_label(variant: str) -> str:
    return VARIANT_LABELS.get(variant, variant)


def ordered_variants(variants: Iterable[str]) -> list[str]:
    """The variants given, known ones first and in the order of VARIANT_LABELS."""
    known = list(VARIANT_LABELS)
    return sorted(set(variants), key=lambda v: (known.index(v) if v in known else len(known), v))
