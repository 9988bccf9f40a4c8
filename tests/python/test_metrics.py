"""Metrics of the scores equal those of scikit-learn and scipy on random data, ties among it."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics
from sklearn.calibration import calibration_curve

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("SAESWEEP_BUILD", "build")
DRAWS = 60


def values(asked: list[dict]) -> list[list[float]]:
    """What the program computes of each."""
    text = "".join(json.dumps(one) + "\n" for one in asked)
    done = subprocess.run([BUILD / "tests" / "metric_values"], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = [[float(number) for number in line.split()] for line in done.stdout.splitlines()]
    assert len(lines) == len(asked)
    return lines


@pytest.fixture
def draws():
    """Generators of random numbers, and sizes from 2 to thousands."""
    return [(np.random.default_rng(i), int(2 + 3 ** (i / 8))) for i in range(DRAWS)]


def drawn_truths(random, n: int) -> np.ndarray:
    """0 and 1, at least one of each."""
    truths = (random.random(n) < random.uniform(0.05, 0.95)).astype(int)
    truths[:2] = [0, 1]
    return truths


def drawn_probabilities(random, n: int, i: int) -> np.ndarray:
    """Every other time in eighths, so that most are tied."""
    probabilities = random.random(n)
    return np.round(probabilities * 8) / 8 if i % 2 else probabilities


def test_auroc_is_scikit_learns(draws) -> None:
    asked, expected = [], []
    for i, (random, n) in enumerate(draws):
        truths, scores = drawn_truths(random, n), drawn_probabilities(random, n, i)
        asked.append({"metric": "auroc", "scores": scores.tolist(), "truths": truths.tolist()})
        expected.append([metrics.roc_auc_score(truths, scores)])
    # scikit-learn sums trapezoids: a rounding a point of the curve. Ours is a ratio of whole numbers.
    np.testing.assert_allclose(values(asked), expected, rtol=0, atol=1e-12)


def test_auroc_is_mann_whitneys_u(draws) -> None:
    asked, expected = [], []
    for i, (random, n) in enumerate(draws):
        truths, scores = drawn_truths(random, n), drawn_probabilities(random, n, i)
        asked.append({"metric": "auroc", "scores": scores.tolist(), "truths": truths.tolist()})
        u = stats.mannwhitneyu(scores[truths == 1], scores[truths == 0], method="asymptotic").statistic
        expected.append([u / ((truths == 1).sum() * (truths == 0).sum())])
    np.testing.assert_allclose(values(asked), expected, rtol=1e-15)


def test_balanced_accuracy_is_scikit_learns(draws) -> None:
    asked, expected = [], []
    for random, n in draws:
        truths, answers = drawn_truths(random, n), random.integers(0, 2, n)
        asked.append({"metric": "balanced_accuracy", "answers": answers.tolist(), "truths": truths.tolist()})
        expected.append([metrics.balanced_accuracy_score(truths, answers)])
    np.testing.assert_allclose(values(asked), expected, rtol=0, atol=1e-15)


def test_correlation_is_scipys(draws) -> None:
    asked, expected = [], []
    for random, n in draws:
        x = random.normal(random.normal(scale=100), 1, n + 1)
        y = random.uniform(-1, 1) * x + random.normal(size=n + 1)
        asked.append({"metric": "pearson_correlation", "x": x.tolist(), "y": y.tolist()})
        expected.append([stats.pearsonr(x, y).statistic])
    # Means of some hundreds under deviations of 1: both lose three digits of sixteen.
    np.testing.assert_allclose(values(asked), expected, rtol=0, atol=1e-11)


def test_token_entropy_is_scipys(draws) -> None:
    asked, expected = [], []
    for random, n in draws:
        ids = random.integers(0, random.integers(1, 50), n)
        activations = np.maximum(random.normal(size=n), 0).astype(np.float32)
        activations[0] = 1
        active = ids[activations > 0]
        mass = np.bincount(ids, activations.astype(np.float64))
        entropy = stats.entropy(mass)
        distinct = len(np.unique(active))
        asked.append({"metric": "token_entropy", "ids": ids.tolist(), "activations": activations.tolist()})
        expected.append([entropy, entropy + (distinct - 1) / (2 * len(active)), len(active), distinct])
    np.testing.assert_allclose(values(asked), expected, rtol=1e-12, atol=1e-12)


def test_miller_madow_takes_most_of_the_bias_away() -> None:
    """Counts of 200 tokens drawn from 20 equally likely ids: entropy ln 20, biased by about 19 / 400."""
    random = np.random.default_rng(0)
    asked = [
        {"metric": "token_entropy", "ids": random.integers(0, 20, 200).tolist(), "activations": [1.0] * 200}
        for _ in range(1000)
    ]
    plain, corrected = np.array(values(asked))[:, :2].mean(axis=0) - np.log(20)
    # The mean of 1,000 draws, whose deviation is near 0.015, is known to 0.0005.
    assert abs(plain + 19 / 400) < 0.004
    assert abs(corrected) < 0.004


@pytest.mark.parametrize("bins", [1, 8, 16])
def test_calibration_error_is_that_of_scikit_learns_curve(draws, bins: int) -> None:
    asked, expected = [], []
    for i, (random, n) in enumerate(draws):
        truths, probabilities = drawn_truths(random, n), drawn_probabilities(random, n, i)
        asked.append({"metric": "expected_calibration_error", "probabilities": probabilities.tolist(),
                      "truths": truths.tolist(), "bins": bins})  # fmt: skip
        share, mean = calibration_curve(truths, probabilities, n_bins=bins)
        counts = np.bincount(np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], probabilities), minlength=bins)
        expected.append([np.sum(counts[counts > 0] * np.abs(share - mean)) / n])
    np.testing.assert_allclose(values(asked), expected, rtol=0, atol=1e-12)
