"""Inference over seeds, against scipy, statsmodels and simulation."""

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest
from make_results import DONE, FAILED, make_results
from scipy import stats
from statsmodels.stats.meta_analysis import effectsize_smd
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW, ttost_ind, ttost_paired

import analysis
from analysis.inference import (
    answer_sentences, compare_over_layers, compare_variants, default_margins, entropy_correlations, model_answers, variant_means,
)  # fmt: skip
from analysis.metrics import METRICS

NAMED = {metric.name: metric for metric in METRICS}
FUZZ, ENTROPY, EXPLAINED = NAMED["fuzz_auroc"], NAMED["token_entropy"], NAMED["explained_variance"]
SETTINGS = {"architecture": "topk", "expansion_factor": 16, "k": 16, "penalty": np.nan, "tokens": 1000, "model": "tiny", "evaluated": True}
TRAINED, OTHER = "trained", "rerandomized_incl"
DATA_SETS = 1000  # of a simulation
NO_LATENTS = pd.DataFrame({"cell": np.empty(0, int)})


def cells_of(arms, metric="fuzz_auroc", first_seed=None, **columns):
    """Cells of arms {variant: [layers, init seeds, SAE seeds]}; first_seed: of the SAE seeds, by variant. NaN stays."""
    rows = []
    for variant, values in arms.items():
        first = (first_seed or {}).get(variant, 0)
        for (layer, init, seed), value in np.ndenumerate(np.asarray(values, float)):
            init = -1 if variant == TRAINED else init
            rows.append(SETTINGS | {"variant": variant, "layer": layer, "init_seed": init, "sae_seed": first + seed, metric: value})
    cells = pd.DataFrame(rows).assign(**columns)
    return cells.assign(hookpoint=[f"layers.{layer}" for layer in cells["layer"]])


def scored(cells, latents):
    """Cells whose fuzzing is the mean of their latents' [cells, n], and these latents."""
    frame = pd.DataFrame({"cell": np.repeat(np.arange(len(cells)), latents.shape[1]), "fuzz_auroc": latents.ravel()})
    return cells.assign(fuzz_auroc=latents.mean(1)), frame


def compared(cells, latents=NO_LATENTS, metrics=(FUZZ,), **options):
    return compare_variants(cells, latents, metrics, **options)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_arms_with_equal_seeds_are_compared_in_pairs(rng):
    a, b = rng.normal(0.8, 0.02, (2, 4, 1, 5))
    found = compared(cells_of({TRAINED: a, OTHER: b}))
    assert found["paired"].all() and set(found["basis"]) == {"seeds"} and set(found["claim"]) == {"these weights, other SAE seeds"}
    expected = stats.ttest_rel(a[:, 0], b[:, 0], axis=1)
    interval = expected.confidence_interval()
    np.testing.assert_allclose(found["difference"], (a - b)[:, 0].mean(1))
    np.testing.assert_allclose(found["p_difference"], expected.pvalue)
    np.testing.assert_allclose(found[["low", "high"]], np.transpose([interval.low, interval.high]))
    np.testing.assert_allclose(found["df"], 4)
    np.testing.assert_allclose(found["p_equivalence"], [ttost_paired(x, y, -0.05, 0.05)[0] for x, y in zip(a[:, 0], b[:, 0])])
    np.testing.assert_allclose(found["d_z"], (a - b)[:, 0].mean(1) / (a - b)[:, 0].std(1, ddof=1))


def test_arms_without_common_seeds_are_compared_by_welch(rng):
    a, b = rng.normal(0.8, 0.02, (4, 1, 6)), rng.normal(0.79, 0.05, (4, 1, 3))
    found = compared(cells_of({TRAINED: a, OTHER: b}, first_seed={OTHER: 10}))
    assert not found["paired"].any() and found["d_z"].isna().all()
    assert (found[["n_a", "n_b"]] == [6, 3]).all(axis=None)
    expected = stats.ttest_ind(a[:, 0], b[:, 0], axis=1, equal_var=False)
    means = [CompareMeans(DescrStatsW(x), DescrStatsW(y)) for x, y in zip(a[:, 0], b[:, 0])]
    np.testing.assert_allclose(found["p_difference"], expected.pvalue)
    np.testing.assert_allclose(found["df"], expected.df)
    np.testing.assert_allclose(found[["low", "high"]], [pair.tconfint_diff(usevar="unequal") for pair in means])
    np.testing.assert_allclose(found["p_equivalence"], [ttost_ind(x, y, -0.05, 0.05, usevar="unequal")[0] for x, y in zip(a[:, 0], b[:, 0])])


def test_the_interval_of_the_equivalence_test_lies_within_the_margin_where_the_test_says_so(rng):
    a, b = rng.normal(0.8, 0.02, (2, 200, 1, 4))
    found = compared(cells_of({TRAINED: a, OTHER: b}), margins={"fuzz_auroc": 0.03})
    inside = (found["low_tost"] > -0.03) & (found["high_tost"] < 0.03)
    assert ((found["p_equivalence"] < 0.05) == inside).all() and inside.any() and not inside.all()


def test_effect_sizes_are_hedges_g(rng):
    a, b = rng.normal(0.8, 0.02, (2, 3, 1, 10))
    found = compared(cells_of({TRAINED: a, OTHER: b}))
    expected = [effectsize_smd(x.mean(), x.std(ddof=1), 10, y.mean(), y.std(ddof=1), 10)[0] for x, y in zip(a[:, 0], b[:, 0])]
    np.testing.assert_allclose(found["effect_size"], expected, rtol=2e-3)  # statsmodels approximates the correction


def test_holm_runs_over_all_layers_and_pairs_of_a_metric_and_model(rng):
    arms = {variant: rng.normal(0.8, 0.02, (3, 1, 4)) for variant in (TRAINED, "step0", OTHER)}
    both = pd.concat([cells_of(arms), cells_of(arms, model="other", tokens=1000)], ignore_index=True)
    both["token_entropy"] = rng.normal(1, 0.1, len(both))
    found = compared(both, metrics=[FUZZ, ENTROPY])
    assert found["p_equivalence"].isna().equals(found["metric"] == "token_entropy")
    for (_, metric), family in found.groupby(["model", "metric"]):
        assert len(family) == 9
        np.testing.assert_allclose(family["p_difference_holm"], multipletests(family["p_difference"], method="holm")[1])
        if metric == "fuzz_auroc":
            np.testing.assert_allclose(family["p_equivalence_holm"], multipletests(family["p_equivalence"], method="holm")[1])


def test_a_certain_difference_below_the_margin_is_equivalent(rng):
    base = rng.normal(0.8, 0.05, 5)
    arms = {"small": 0.01, "large": 0.2, "noisy": rng.normal(0, 0.1, 5)}
    for name, verdict in {"small": "equivalent", "large": "different", "noisy": "undecided"}.items():
        other = base - arms[name] + rng.normal(0, 1e-3, 5)
        row = compared(cells_of({TRAINED: [[base]], OTHER: [[other]]})).iloc[0]
        assert row["verdict"] == verdict
        assert (row["p_difference"] < 0.05) == (name != "noisy")


def test_init_seeds_and_sae_seeds_both_count(rng):
    a, b = rng.normal(0.8, 0.01, (1, 1, 4)), 0.7 + rng.normal(0, 0.03, (1, 3, 1)) + rng.normal(0, 0.01, (1, 3, 4))
    row = compared(cells_of({TRAINED: a, OTHER: b})).iloc[0]
    of_starts = (a[0, 0] - b[0].mean(0)).var(ddof=1) / 4
    of_weights = b[0].mean(1).var(ddof=1) / 3
    assert row["se"] == pytest.approx(np.sqrt(of_starts + of_weights))
    assert row["df"] == pytest.approx((of_starts + of_weights) ** 2 / (of_starts**2 / 3 + of_weights**2 / 2))
    assert (row["n_a"], row["n_b"], row["claim"]) == (4, 3, "other init seeds, other SAE seeds")
    assert row["low"] < row["boot_low"] < row["difference"] < row["boot_high"] < row["high"]


def test_seeds_within_an_init_seed_are_no_replicates_of_the_arm(rng):
    """Init seeds with SAE seeds of their own: the init seeds' means are compared."""
    values = rng.normal(0.8, 0.02, (2, 3, 2))
    cells = [cells_of({variant: values[i][None]}) for i, variant in enumerate(("control", OTHER))]
    for i, arm in enumerate(cells):
        arm["sae_seed"] = np.arange(6) + 10 * i
    row = compared(pd.concat(cells, ignore_index=True)).iloc[0]
    expected = stats.ttest_ind(values[1].mean(1), values[0].mean(1), equal_var=False)
    assert row["p_difference"] == pytest.approx(expected.pvalue) and (row["n_a"], row["n_b"]) == (3, 3)
    assert row["low"] < row["boot_low"] < row["difference"] < row["boot_high"] < row["high"]


def test_the_two_rerandomized_variants_pair_by_init_seed(rng):
    """Equal init seeds draw the same tensors there, and nowhere else."""
    a, b = rng.normal(0.8, 0.02, (2, 1, 4, 1))
    row = compared(cells_of({"rerandomized_excl": a, OTHER: b})).iloc[0]
    assert row["paired"] and row["claim"] == "other init seeds, this SAE seed"
    assert row["p_difference"] == pytest.approx(stats.ttest_rel(a[0, :, 0], b[0, :, 0]).pvalue)
    row = compared(cells_of({OTHER: a, "control": b})).iloc[0]
    assert not row["paired"]
    assert row["p_difference"] == pytest.approx(stats.ttest_ind(a[0, :, 0], b[0, :, 0], equal_var=False).pvalue)


def test_one_seed_gives_an_interval_over_latents_and_no_verdict(rng):
    latents = rng.uniform(0.5, 1, (2, 40))
    cells, frame = scored(cells_of({TRAINED: [[[0]]], OTHER: [[[0]]]}), latents)
    row = compared(cells, frame).iloc[0]
    interval = stats.ttest_ind(*latents, equal_var=False).confidence_interval()
    assert (row["basis"], row["claim"], row["verdict"]) == ("this SAE only", "this SAE only", "")
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert row[["p_difference", "p_equivalence", "p_difference_holm", "p_equivalence_holm"]].isna().all()
    assert row["boot_low"] == pytest.approx(interval.low, abs=0.02) and row["boot_high"] == pytest.approx(interval.high, abs=0.02)
    mean = variant_means(cells, frame, [FUZZ]).set_index("variant").loc[TRAINED]
    assert (mean["low"], mean["high"]) == pytest.approx(stats.t.interval(0.95, 39, latents[0].mean(), stats.sem(latents[0])))
    assert (mean["n_seeds"], mean["n_latents"], mean["basis"]) == (1, 40, "this SAE only")


def test_one_seed_gives_no_interval_of_a_metric_that_latents_have_not():
    cells = cells_of({TRAINED: [[[0.8]]], OTHER: [[[0.7]]]}, metric="explained_variance")
    row = compared(cells, metrics=[EXPLAINED]).iloc[0]
    assert (row["basis"], row["verdict"]) == ("none", "") and row["difference"] == pytest.approx(0.1)
    assert row[["low", "high", "boot_low", "boot_high"]].isna().all()


def test_an_arm_of_one_seed_is_compared_with_the_sae_that_shares_it(rng):
    latents = rng.uniform(0.5, 1, (4, 30))
    cells, frame = scored(cells_of({TRAINED: [[[0, 0, 0]]], OTHER: [[[0]]]}, first_seed={OTHER: 1}), latents)
    row = compared(cells, frame).iloc[0]
    assert row["difference"] == pytest.approx(latents[1].mean() - latents[3].mean())
    assert row["basis"] == "this SAE only"


def test_means_have_the_t_interval_of_their_seeds(rng):
    values = rng.normal(0.8, 0.05, (3, 1, 5))
    found = variant_means(cells_of({TRAINED: values}), NO_LATENTS, [FUZZ], level=0.9)
    low, high = stats.t.interval(0.9, 4, values[:, 0].mean(1), stats.sem(values[:, 0], axis=1))
    np.testing.assert_allclose(found[["mean", "low", "high"]], np.transpose([values[:, 0].mean(1), low, high]))


def test_entropy_correlates_within_each_sae_and_seeds_carry_the_interval(rng):
    cells = cells_of({TRAINED: np.zeros((2, 1, 3))})
    entropy = rng.normal(1, 0.3, (6, 25)) + 5 * cells["layer"].to_numpy()[:, None]  # layers differ; that is no correlation of latents
    latents = 0.5 + 0.1 * entropy + rng.normal(0, 0.05, (6, 25))
    latents[0, 3] = np.nan
    cells, frame = scored(cells, latents)
    frame["token_entropy"] = entropy.ravel()
    row = entropy_correlations(cells, frame).iloc[0]
    z = np.arctanh([stats.spearmanr(x, y, nan_policy="omit").statistic for x, y in zip(entropy, latents)]).reshape(2, 3).mean(0)
    low, high = stats.t.interval(0.95, 2, z.mean(), stats.sem(z))
    assert (row["rho"], row["low"], row["high"]) == pytest.approx(tuple(np.tanh([z.mean(), low, high])))
    assert (row["n_latents"], row["n_seeds"], row["n_layers"], row["basis"]) == (149, 3, 2, "seeds")
    alone = entropy_correlations(cells[cells["sae_seed"] == 1], frame).iloc[0]
    assert alone["basis"] == "this SAE only" and alone["low"] < alone["rho"] < alone["high"]


def test_a_perfect_correlation_of_few_latents_weighs_as_half_a_step_below_one():
    cells, frame = scored(cells_of({TRAINED: np.zeros((2, 1, 1))}), np.array([[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.4, 0.3]]))
    frame["token_entropy"] = [1.0, 2, 3, 4] * 2
    row = entropy_correlations(cells, frame).iloc[0]
    assert row["rho"] == pytest.approx(np.tanh(np.arctanh([0.9, 0.8]).mean()))


def test_layers_are_averaged_seed_by_seed(rng):
    a, b = rng.normal(0.8, 0.02, (2, 6, 1, 4))
    row = compare_over_layers(cells_of({TRAINED: a, OTHER: b}), NO_LATENTS, [FUZZ]).iloc[0]
    expected = stats.ttest_rel(a.mean((0, 1)), b.mean((0, 1)))
    assert row["n_layers"] == 6 and row["p_difference"] == pytest.approx(expected.pvalue)


def test_layers_that_an_arm_has_not_reached_are_left_out_of_its_mean(rng):
    a, b = rng.normal(0.8, 0.02, (2, 6, 1, 2))
    b[3:], b[2, 0, 1] = np.nan, np.nan  # as while a run writes
    row = compare_over_layers(cells_of({TRAINED: a, OTHER: b}), NO_LATENTS, [FUZZ]).iloc[0]
    assert row["n_layers"] == 2 and row["mean_b"] == pytest.approx(b[:2].mean()) and row["mean_a"] == pytest.approx(a[:2].mean())
    assert row["p_difference"] == pytest.approx(stats.ttest_rel(a[:2].mean((0, 1)), b[:2].mean((0, 1))).pvalue)


# What is missing, broken or the same everywhere.


def test_seeds_that_one_arm_lacks_do_not_enter(rng):
    a, b = rng.normal(0.8, 0.02, (2, 2, 1, 5))
    b[1, 0, 2] = np.nan
    found = compared(cells_of({TRAINED: a, OTHER: b}))
    kept = [0, 1, 3, 4]
    assert list(found["n_b"]) == [5, 4]
    assert found["p_difference"][1] == pytest.approx(stats.ttest_rel(a[1, 0, kept], b[1, 0, kept]).pvalue)


def test_an_incomplete_grid_of_init_seeds_loses_as_little_as_it_can(rng):
    a, b = rng.normal(0.8, 0.02, (1, 1, 4)), rng.normal(0.8, 0.02, (1, 3, 4))
    b[0, 2, 1:] = np.nan  # an init seed of one SAE
    row = compared(cells_of({TRAINED: a, OTHER: b})).iloc[0]
    assert (row["n_a"], row["n_b"]) == (4, 2) and row["mean_b"] == pytest.approx(b[0, :2].mean())


def test_arms_without_numbers_decide_nothing():
    found = compared(cells_of({TRAINED: [[[0.8, 0.9]]], OTHER: [[[np.nan, np.nan]]]}))
    assert len(found) == 0 or (found["verdict"] == "").all()
    layers = compared(cells_of({TRAINED: [[[0.8, 0.9]], [[0.8, 0.7]]], OTHER: [[[0.7, 0.75]], [[np.nan, np.nan]]]}))
    row = layers[layers["layer"] == 1].iloc[0]
    assert (row["basis"], row["verdict"], row["n_b"]) == ("none", "", 0) and np.isnan(row["difference"])


@pytest.mark.parametrize("other", [0.5, 0.48, 0.4])
def test_a_difference_without_scatter_has_no_interval_and_decides_nothing(other):
    row = compared(cells_of({TRAINED: [[[0.5] * 3]], OTHER: [[[other] * 3]]})).iloc[0]
    assert (row["basis"], row["se"], row["verdict"]) == ("seeds", 0, "undecided")
    assert row[["low", "high", "low_tost", "high_tost", "p_difference", "p_equivalence", "p_difference_holm", "p_equivalence_holm"]].isna().all()


def test_seeds_that_tie_by_chance_decide_nothing(rng):
    """Shares of few latents: with two seeds the same difference in both is common, and no sign of precision."""
    name = "qualifying_share"
    a, b = rng.binomial(20, 0.9, (2, DATA_SETS, 1, 2)) / 20
    found = compared(cells_of({TRAINED: a, OTHER: b}, metric=name), metrics=[NAMED[name]])
    ties = (a - b)[:, 0].std(axis=1) < 1e-12
    assert ties.sum() > 100
    assert set(found["verdict"]) == {"undecided"}
    assert (found["p_difference"] < 0.05).sum() <= stats.binom.ppf(0.9995, DATA_SETS, 0.05)


def test_arms_that_are_equal_but_for_rounding_do_not_differ(rng):
    values = rng.normal(0.8, 0.02, (1, 1, 4))
    row = compared(cells_of({TRAINED: values, OTHER: (values + 0.1) - 0.1})).iloc[0]
    assert (row["difference"], row["se"], row["verdict"]) == (0, 0, "undecided") and np.isnan(row["p_difference"])


def test_a_file_with_failed_and_missing_cells_is_compared_by_what_is_there(tmp_path):
    states = [DONE] * 90
    states[0] = states[46] = FAILED
    results = analysis.load(make_results(tmp_path / "r.h5", models=("models/a", "models/b"), layers=3, seeds=3, latents=32, scored=6, states=states, without=["cells/mse"]))
    metrics = [FUZZ, EXPLAINED, NAMED["mse"]]
    found = compare_variants(results.cells, results.latents, metrics)
    assert set(found["model"]) == {"models/a", "models/b"} and "mse" not in set(found["metric"])
    of_failed = found[(found["model"] == "models/a") & (found["layer"] == 0) & (found["variant_a"] == TRAINED) & (found["metric"] == "fuzz_auroc")]
    assert (of_failed["n_a"] == 2).all()
    overall = compare_over_layers(results.cells, results.latents, metrics)
    answers = model_answers(found, overall)
    assert (answers["n_layers"] == 3).all() and answers["relative_depth"].between(0, 1).all()


def test_cells_of_an_earlier_state_of_the_sweep_do_not_enter(rng):
    arms = {TRAINED: rng.normal(0.8, 0.02, (1, 1, 3)), OTHER: rng.normal(0.8, 0.02, (1, 1, 3))}
    both = pd.concat([cells_of(arms, in_sweep=True), cells_of({TRAINED: [[[0.1, 0.1, 0.1]]]}, in_sweep=False)], ignore_index=True)
    pd.testing.assert_frame_equal(compared(both), compared(cells_of(arms)))


def test_settings_are_families_of_their_own(rng):
    arms = {TRAINED: rng.normal(0.8, 0.02, (2, 1, 3)), OTHER: rng.normal(0.8, 0.02, (2, 1, 3))}
    alone = compared(cells_of(arms))
    both = compared(pd.concat([cells_of(arms), cells_of(arms, k=32)], ignore_index=True))
    assert len(both) == 4
    np.testing.assert_allclose(both.loc[both["sparsity"] == "k = 16", "p_difference_holm"], alone["p_difference_holm"])


def test_nothing_to_compare_gives_frames_with_their_columns():
    empty = cells_of({TRAINED: [[[0.5, 0.6]]]}, evaluated=False)
    found, overall = compared(empty), compare_over_layers(empty, NO_LATENTS, [FUZZ])
    assert len(found) == len(overall) == len(variant_means(empty, NO_LATENTS, [FUZZ])) == len(entropy_correlations(empty, NO_LATENTS)) == 0
    assert len(compare_over_layers(empty.iloc[:0], NO_LATENTS, [FUZZ, EXPLAINED])) == 0
    answers = model_answers(found, overall)
    assert "verdict" in found and "verdict" in answers and answer_sentences(answers, found) == []


def test_wrong_margins_and_levels_are_refused():
    cells = cells_of({TRAINED: [[[0.5, 0.6]]], OTHER: [[[0.5, 0.6]]]})
    with pytest.raises(ValueError, match="margin 0 of fuzz_auroc"):
        compared(cells, margins={"fuzz_auroc": 0})
    with pytest.raises(ValueError, match="level 95"):
        compared(cells, level=95)
    assert default_margins([FUZZ, ENTROPY]) == {"fuzz_auroc": 0.05}


def test_equal_input_gives_equal_intervals(rng):
    cells, latents = simulated(rng, 3, 4, paired=True)
    pd.testing.assert_frame_equal(compared(cells, latents), compared(cells, latents))


# The answer in words.


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_sentences_claim_no_more_than_the_seeds_show(tmp_path, seeds):
    results = analysis.load(make_results(tmp_path / "r.h5", layers=3, seeds=seeds, latents=32, scored=10))
    metrics = [FUZZ, ENTROPY, EXPLAINED]
    found = compare_variants(results.cells, results.latents, metrics)
    answers = model_answers(found, compare_over_layers(results.cells, results.latents, metrics))
    first, second, third = answer_sentences(answers, found)
    mean = results.cells.loc[results.cells["variant"] == TRAINED, "fuzz_auroc"].mean()
    assert f"Fuzzing AUROC is {mean:.3f} in the trained model" in first
    if seeds == 1:
        assert "decides nothing" in first and "at least two seeds" in second and "one seed" in third
        assert set(found["verdict"]) == {""}
    else:
        assert "these weights and not of other random initializations" in third
        assert ("undecided does not mean similar" in third) == (seeds == 2)
    if seeds == 2:
        of_random = found[(found["variant_a"] == TRAINED) & (found["variant_b"] != "control")]
        assert f" {(of_random['verdict'] == 'undecided').sum()} of {len(of_random)} comparisons of trained with random" in third
    if seeds == 5:
        assert "is different from" in first and "explained variance" in second and "most at layer" in second


def sentences(cells, metrics=(FUZZ,)):
    found = compared(cells, metrics=list(metrics))
    return answer_sentences(model_answers(found, compare_over_layers(cells, NO_LATENTS, list(metrics))), found)


def test_an_interval_without_zero_stands_beside_the_p_that_leaves_the_difference_undecided():
    arms = {TRAINED: [0.7395, 0.7405], "step0": [0.7, 0.7], "rerandomized_excl": [0.7, 0.72], OTHER: [0.73, 0.72], "control": [0.5, 0.49]}
    first, *_ = sentences(cells_of({variant: np.reshape(values, (1, 1, 2)) for variant, values in arms.items()}))
    interval, p = re.search(r"interval (\S+) to \S+ taken alone; p of difference (\S+) after Holm over all pairs of variants", first).groups()
    assert "cannot be told different" in first and float(interval) > 0 and float(p) > 0.05


def test_a_single_random_model_is_spoken_of_as_one(rng):
    said = " ".join(sentences(cells_of({variant: rng.normal(0.8, 0.01, (2, 1, 2)) for variant in (TRAINED, OTHER)})))
    assert " in the wholly re-randomized model" in said and "the random model's weights" in said and "Holm" not in said
    assert not re.search(r"random ones|of them|every random|each random|largest", said)


def test_sentences_name_the_models_that_one_seed_leaves_open(rng):
    arms = {TRAINED: rng.normal(0.9, 0.01, (2, 1, 5)), "step0": rng.normal(0.7, 0.01, (2, 1, 1)), OTHER: rng.normal(0.7, 0.01, (2, 1, 5))}
    cells = cells_of(arms)
    found = compared(cells)
    first, second, third = answer_sentences(model_answers(found, compare_over_layers(cells, NO_LATENTS, [FUZZ])), found)
    assert "is different from the wholly re-randomized model" in first and "for the model at step 0 one seed decides nothing" in first
    assert "the random model that has the seeds to tell is fuzzing AUROC" in second and "single SAEs" in third


def test_a_metric_that_a_random_model_lacks_does_not_separate_from_every_one(rng):
    random = ("step0", OTHER)
    cells = cells_of({TRAINED: rng.normal(0.9, 0.01, (2, 1, 5)), **{variant: rng.normal(0.7, 0.01, (2, 1, 5)) for variant in random}})
    cells = cells.assign(explained_variance=cells["fuzz_auroc"].where(cells["variant"] != "step0"))
    metrics = [FUZZ, EXPLAINED]
    found = compared(cells, metrics=metrics)
    _, second, _ = answer_sentences(model_answers(found, compare_over_layers(cells, NO_LATENTS, metrics)), found)
    assert "every random model is fuzzing AUROC" in second and "explained variance" not in second


def test_a_difference_at_the_first_position_only_is_no_finding(rng):
    cells = cells_of({variant: rng.normal(0.8, 0.01, (2, 1, 5)) for variant in (TRAINED, OTHER)}, metric="explained_variance_no_first")
    cells = cells.assign(explained_variance=cells["explained_variance_no_first"] - 0.3 * (cells["variant"] == TRAINED))
    for metrics, named in (([EXPLAINED], True), ([EXPLAINED, NAMED["explained_variance_no_first"]], False)):
        found = compared(cells, metrics=metrics)
        _, second, _ = answer_sentences(model_answers(found, compare_over_layers(cells, NO_LATENTS, metrics)), found)
        assert ("is explained variance (0.3" in second) == named == ("No metric separates" not in second)


# Simulation: data sets are layers, so one call compares them all.

LATENTS = 50
SEED_SD, LATENT_SD = 0.016, 0.07  # between SAE seeds; between the latents of an SAE


def simulated(rng, data_sets, seeds, paired, difference=0.0):
    """Cells and latents of two arms whose scores differ by `difference`, with variance between seeds, shared and not."""
    shared = rng.normal(0, SEED_SD, (data_sets, 1, seeds)) * paired
    arms = {variant: 0.8 + shared + rng.normal(0, SEED_SD, (data_sets, 1, seeds)) for variant in (TRAINED, OTHER)}
    arms[OTHER] -= difference
    cells = cells_of(arms, first_seed={OTHER: 0 if paired else 100})
    return scored(cells, cells["fuzz_auroc"].to_numpy()[:, None] + rng.normal(0, LATENT_SD, (len(cells), LATENTS)))


def within_sampling_error(hits, rate):
    low, high = stats.binom.interval(0.999, len(hits), rate)
    return low <= np.sum(hits) <= high


@pytest.mark.parametrize(("seeds", "paired"), list(product((2, 5, 10), (True, False))))
def test_t_intervals_cover_and_reject_at_their_rates(rng, seeds, paired):
    cells, _ = simulated(rng, DATA_SETS, seeds, paired)
    found = compared(cells)
    assert found["paired"].all() == paired
    covers = (found["low"] <= 0) & (0 <= found["high"])
    if paired:
        assert within_sampling_error(covers, 0.95)
        assert within_sampling_error(found["p_difference"] < 0.05, 0.05)
    else:  # Welch with two seeds is conservative
        assert covers.mean() > 0.93 and within_sampling_error(covers, 0.95) == (seeds > 2)
    assert (found["verdict"] == "different").sum() <= 3  # Holm over a thousand


@pytest.mark.parametrize("seeds", [2, 5, 10])
def test_a_difference_of_the_margin_is_seldom_called_equivalent(rng, seeds):
    cells, _ = simulated(rng, DATA_SETS, seeds, True, difference=0.05)
    found = compared(cells)
    false = found["p_equivalence"] < 0.05
    assert false.sum() <= stats.binom.ppf(0.9995, DATA_SETS, 0.05)
    assert within_sampling_error(false, 0.05) or seeds == 2


def test_bootstrap_and_latents_as_replicates_cover_too_little_with_two_seeds(rng):
    cells, latents = simulated(rng, DATA_SETS, 2, False)
    found = compared(cells, latents)
    bootstrap = ((found["boot_low"] <= 0) & (0 <= found["boot_high"])).mean()
    values = latents["fuzz_auroc"].to_numpy().reshape(2, DATA_SETS, 2 * LATENTS)
    interval = stats.ttest_ind(*values, axis=1, equal_var=False).confidence_interval()
    pooled = ((interval.low <= 0) & (0 <= interval.high)).mean()
    assert 0.80 < bootstrap < 0.88
    assert 0.65 < pooled < 0.75


def test_sae_seeds_that_init_seeds_share_count_in_arms_that_do_not_pair(rng):
    def arm():
        return 0.8 + rng.normal(0, 0.03, (DATA_SETS, 1, 5)) + rng.normal(0, 0.01, (DATA_SETS, 5, 1)) + rng.normal(0, 0.005, (DATA_SETS, 5, 5))

    found = compared(cells_of({"control": arm(), OTHER: arm()}, first_seed={OTHER: 10}))
    covers = (found["low"] <= 0) & (0 <= found["high"])
    assert not found["paired"].any() and covers.sum() >= stats.binom.ppf(0.0005, DATA_SETS, 0.95)


def test_several_init_seeds_cover_where_cells_as_replicates_do_not(rng):
    """Weights, starts and the rest each vary; trained has one checkpoint."""
    starts = rng.normal(0, 0.01, (DATA_SETS, 1, 3))
    a = 0.8 + starts + rng.normal(0, 0.01, (DATA_SETS, 1, 3))
    b = 0.8 + starts + rng.normal(0, 0.03, (DATA_SETS, 5, 1)) + rng.normal(0, 0.01, (DATA_SETS, 5, 3))
    found = compared(cells_of({TRAINED: a, OTHER: b}))
    covers = (found["low"] <= 0) & (0 <= found["high"])
    assert covers.sum() >= stats.binom.ppf(0.0005, DATA_SETS, 0.95)
    interval = stats.ttest_ind(a[:, 0], b.reshape(DATA_SETS, 15), axis=1, equal_var=False).confidence_interval()
    assert ((interval.low <= 0) & (0 <= interval.high)).mean() < 0.9
