"""What the numbers show, and how surely: means, comparisons, equivalence, correlations. The seed is the unit of inference.

docs/statistics.md gives the formulas and their sources. All functions are pure, frames in, frames out.
"""

from .answers import model_answers
from .comparisons import compare_over_layers, compare_variants, default_margins
from .correlations import entropy_correlations, rank_correlations
from .means import variant_means
from .sentences import SEPARATING, answer_sentences

__all__ = [
    "SEPARATING", "answer_sentences", "compare_over_layers", "compare_variants", "default_margins", "entropy_correlations", "model_answers",
    "rank_correlations", "variant_means",
]  # fmt: skip
