"""python -m analysis report, of a toy sweep's results."""

import h5py
import numpy as np
import pandas as pd
import pytest
from browser import Browser, program
from scipy import stats

from analysis.__main__ import main
from analysis.toy import answers, data, equal_l0, figures

PENALTIES = np.geomspace(1e-3, 1, 10)
SEEDS = 3
SWEEP = '[sweep]\nname = "toy <small>"\n\n[toy]\nfeatures = 64\nd_in = 32\nactive_features = 3\nepochs = 30\nbatch = 256\n'
#: Explained variance of each kind of data: at L0 of 1, and more of it for each factor e.
VARIANCES = {("superposed", "input"): (0.3, 0.1), ("gaussian", "input"): (0.02, 0.12), ("superposed", "mlp"): (0.2, 0.1), ("gaussian", "mlp"): (0.2, 0.1)}


def made_up(kinds=tuple(VARIANCES), seeds=SEEDS, widths=(64, 128), model="toy", highest=0.97):
    """Cells of a toy sweep: explained variance is linear in log L0; MMCS is highest, `highest`, at a penalty of 0.1."""
    rng = np.random.default_rng(3)
    rows = []
    for variant, hookpoint in kinds:
        start, slope = VARIANCES["superposed" if variant == "embedding" else variant, hookpoint]
        for width in widths:
            for seed in range(seeds):
                shift = rng.normal(0, 0.01)
                for penalty in PENALTIES:
                    l0 = 40 * width / 64 / (1 + 60 * penalty) * np.exp(rng.normal(0, 0.02))
                    rows.append({
                        "model": model, "variant": variant, "hookpoint": hookpoint, "n_latents": width, "sae_seed": seed, "penalty": penalty, "l0": l0,
                        "explained_variance": start + shift + slope * np.log(l0), "l1": 2 * l0, "l1_sqrt_l2": np.sqrt(l0), "hoyer": 1 - l0 / width, "dead_fraction": 0.1,
                        "mmcs": highest - 0.2 * abs(np.log10(penalty) + 1) + 0.01 * (seed - 1) if variant == "superposed" else np.nan,
                    })  # fmt: skip
    return pd.DataFrame(rows).assign(evaluated=True, in_sweep=True)


def written(path, cells, done=None):
    """A results file of these cells. done: which of them are; default: all."""
    done = np.full(len(cells), True) if done is None else done
    columns = cells.drop(columns=["evaluated", "in_sweep"]).assign(
        id=[f"{i:064x}" for i in range(len(cells))], init_seed=-1, layer=-1, architecture="relu", k=0, expansion_factor=2, tokens=9000,
        state=np.where(done, 2, 0).astype("u1"), stage=np.where(done, 2, 0).astype("u1"),
    )  # fmt: skip
    measured = {*data.METRICS}
    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            values = np.char.encode(values.to_numpy(str), "utf-8") if values.dtype == object or values.dtype.kind not in "iuf" else values.to_numpy()
            file[f"cells/{name}"] = values
            file[f"cells/{name}"].attrs["stage"] = 2 if name in measured else 1 if name == "n_latents" else 0
        file.attrs["version"] = 5
        for name, text in {"filetype": "saesweep-results", "kind": "toy", "sweep_name": "toy <small>", "sweep": SWEEP}.items():
            file.attrs[name] = np.bytes_(text.encode())
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    path = written(folder / "results.h5", made_up())
    assert main(["report", str(path), "-o", str(folder / "out")]) == 0
    return folder / "out"


def test_front_is_what_no_point_beats():
    rng = np.random.default_rng(0)
    for _ in range(50):
        cost, value = rng.integers(0, 12, 30).astype(float), rng.integers(0, 12, 30).astype(float)
        cost[3] = np.nan
        beaten = [(((cost < c) & (value >= v)) | ((cost <= c) & (value > v))).any() for c, v in zip(cost, value)]
        expected = {(c, v) for c, v, b in zip(cost, value, beaten) if not b and np.isfinite(c)}
        at = data.pareto(cost, value)
        assert {(cost[i], value[i]) for i in at} == expected and len(at) == len(expected)
        assert (np.diff(cost[at]) > 0).all() and (np.diff(value[at]) > 0).all()


def test_means_and_ranges_are_over_seeds():
    cells = made_up()
    table = data.by_penalty(cells)
    assert len(table) == len(cells) / SEEDS and (table["n_seeds"] == SEEDS).all()
    row = table[(table["variant"] == "gaussian") & (table["hookpoint"] == "mlp") & (table["n_latents"] == 128)].iloc[4]
    seeds = cells[(cells["variant"] == "gaussian") & (cells["hookpoint"] == "mlp") & (cells["n_latents"] == 128) & (cells["penalty"] == PENALTIES[4])]["l0"]
    assert (row["l0"], row["l0_min"], row["l0_max"]) == (pytest.approx(seeds.mean()), seeds.min(), seeds.max())


def test_front_of_hoyer_counts_large_as_sparse():
    table = data.by_penalty(made_up(kinds=[("superposed", "input")], widths=(64,)))
    assert table["front_l0"].all() and table["front_hoyer"].all()
    table = data.by_penalty(made_up(kinds=[("superposed", "input")], widths=(64,)).assign(hoyer=lambda cells: cells["l0"] / 64))
    assert table["front_hoyer"].sum() == 1


def test_zone_is_where_the_line_through_the_points_is_above_its_level():
    penalty = np.geomspace(1e-3, 1, 7)
    mmcs = np.interp(np.log10(penalty), [-3, -1.5, 0], [0.3, 1.0, 0.1])
    low, high = figures.found_zone(penalty, mmcs)
    fine = np.geomspace(1e-3, 1, 100_001)
    above = fine[np.interp(np.log(fine), np.log(penalty), mmcs) > data.FOUND]
    assert (low, high) == (pytest.approx(above[0], rel=1e-3), pytest.approx(above[-1], rel=1e-3))
    assert figures.found_zone(penalty, np.full(7, 0.5)) is None
    best = data.best_penalties(data.by_penalty(made_up()))
    np.testing.assert_allclose(best["penalty"], 0.1)
    assert (best["n_found"] == (0.97 - 0.2 * abs(np.log10(PENALTIES) + 1) > data.FOUND).sum()).all()


def test_difference_at_equal_l0_has_the_interval_of_a_paired_t_test():
    cells = made_up()
    points, means = equal_l0.compare_at_equal_l0(cells)
    assert len(means) == 4 and (means["variant_a"] == "superposed").all() and (points["basis"] == "seeds").all()
    for row in points.itertuples():
        arms = []
        for variant in ("superposed", "gaussian"):
            here = cells[(cells["variant"] == variant) & (cells["hookpoint"] == row.hookpoint) & (cells["n_latents"] == row.n_latents)]
            start, slope = VARIANCES[variant, row.hookpoint]
            shift = here.assign(shift=here["explained_variance"] - start - slope * np.log(here["l0"])).groupby("sae_seed")["shift"].mean()
            arms.append(start + shift + slope * np.log(row.l0))
        test = stats.ttest_rel(*arms)
        interval = test.confidence_interval(0.95)
        assert (row.difference, row.low, row.high) == pytest.approx(((arms[0] - arms[1]).mean(), interval.low, interval.high), abs=1e-9)
    wide = means[means["hookpoint"] == "input"]
    assert (wide["verdict"] == "different").all() and (wide["difference"] > 0).all()


def test_l0_between_saes_too_far_apart_is_not_compared():
    cells = made_up(kinds=[("superposed", "input"), ("gaussian", "input")], widths=(64,))
    cells = cells[~((cells["variant"] == "gaussian") & cells["l0"].between(4, 24))]
    points, means = equal_l0.compare_at_equal_l0(cells)
    assert len(points) and not points["l0"].between(3.2, 23).any() and (means["from_l0"] < 2).all()
    front = equal_l0.Front(np.array([0.5, 1.0, 2.0, 100.0]), np.array([-0.1, 0.1, 0.2, 0.9]))  # the first explains nothing
    assert front.covers(np.array([0.5, 1.0, 1.5, 2.0, 50.0, 100.0, 101.0])).tolist() == [False, True, True, True, False, True, False]


def test_points_on_no_common_l0_are_said_to_be_none():
    cells = made_up(kinds=[("superposed", "input"), ("gaussian", "input")], widths=(64,))
    cells.loc[cells["variant"] == "gaussian", "l0"] *= 1000
    points, means = equal_l0.compare_at_equal_l0(cells)
    assert points.empty and means.empty
    said = answers.answers(data.best_penalties(data.by_penalty(cells)), points, means, {"toy": "toy"})
    assert any("cannot be compared at equal L0" in text for text in said)


def said_of(cells):
    table = data.by_penalty(cells)
    return answers.answers(data.best_penalties(table), *equal_l0.compare_at_equal_l0(cells), {model: model for model in cells["model"].unique()})


def test_answer_names_the_zone_or_says_that_there_is_none():
    here = [("superposed", "input"), ("gaussian", "input")]
    found = said_of(made_up(kinds=here, widths=(64,)))[0]
    assert found.startswith("There is a Goldilocks zone: MMCS is above 0.9 at penalties from 0.0464 to 0.215; the highest is 0.970, 0.960 to 0.980 over 3 seeds")
    assert said_of(made_up(kinds=here, widths=(64,), highest=0.8))[0].startswith("No penalty finds the true features: MMCS stays at or below 0.9; the highest is 0.800")


@pytest.mark.parametrize(("kept", "end", "other"), [(slice(None, 7), "high", "low"), (slice(6, None), "low", "high"), (slice(6, 7), None, None)])
def test_a_highest_match_at_an_end_of_the_grid_is_not_compared_with_itself(kept, end, other):
    cells = made_up(kinds=[("superposed", "input"), ("gaussian", "input")], widths=(64,))
    said = said_of(cells[cells["penalty"].isin(PENALTIES[kept])])[0]
    if end is None:
        assert "penalty 0.1), the only penalty there is." in said
        return
    word = {"high": "higher", "low": "lower"}[end]
    assert f"penalty 0.1), at the {end} end of the grid, so {word} penalties may do better; at its {other} end it is 0." in said


def test_the_example_at_one_l0_says_where_it_lies():
    cells = made_up(kinds=[("superposed", "input"), ("gaussian", "input")], widths=(64,))
    points, means = equal_l0.compare_at_equal_l0(cells)
    middle = np.sqrt(means["from_l0"].iloc[0] * means["to_l0"].iloc[0])
    nearest = points.loc[np.log(points["l0"] / middle).abs().idxmin()]
    assert f"and L0 {nearest['l0']:g}, near the middle of the L0 that data and control share: explained variance {nearest['mean_a']:.3f} against" in said_of(cells)[1]


def test_answer_claims_no_more_than_the_seeds_tell():
    here = [("superposed", "input"), ("gaussian", "input")]
    several = said_of(made_up(kinds=here, widths=(64,)))[1]
    assert several.startswith("SAEs explain more of superposed data than of the Gaussian control at equal L0: explained variance ") and "3 seeds in pairs" in several
    assert "at each of 2 widths" in said_of(made_up(kinds=here))[1]
    one = said_of(made_up(kinds=here, widths=(64,), seeds=1))[1]
    assert one.startswith("With one seed, SAEs explain more") and "no claim about other seeds" in one and "interval 0" not in one
    alike = made_up(kinds=[("superposed", "mlp"), ("gaussian", "mlp")], widths=(64,))
    assert any("alike at equal L0, within 0.05" in text or "is undecided" in text for text in said_of(alike))


def test_embeddings_have_no_true_features_to_find():
    said = said_of(made_up(kinds=[("embedding", "input"), ("gaussian", "input")], model="glove.50d"))
    assert len(said) == 1 and "the embeddings than of the Gaussian control" in said[0]


def test_tables_and_figures_lie_beside_the_page(report):
    for name in ("best_penalties", "equal_l0", "equal_l0_means", "penalties"):
        assert (report / f"tables/{name}.tex").read_text().startswith("% needs")
        assert len(pd.read_csv(report / f"tables/{name}.csv"))
    for name in ("mmcs", "fronts", "by_penalty"):
        assert (report / f"figures/{name}.svg").read_text().count("<svg") == 1 and (report / f"figures/{name}.pdf").read_bytes().startswith(b"%PDF")
    assert len(pd.read_csv(report / "tables/cells.csv")) == 4 * 2 * SEEDS * len(PENALTIES)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("penalties", [[0, 0.01, 0.1], [0]])
def test_saes_without_a_penalty_stand_in_the_tables_and_on_no_axis_of_penalties(tmp_path, penalties):
    cells = made_up(seeds=2, widths=(64,))
    cells = cells[cells["penalty"].isin(PENALTIES[: len(penalties)])].replace({"penalty": dict(zip(PENALTIES, penalties))})
    assert main(["report", str(written(tmp_path / "results.h5", cells.reset_index(drop=True))), "-o", str(tmp_path / "out")]) == 0
    assert set(pd.read_csv(tmp_path / "out/tables/penalties.csv")["penalty"]) == set(penalties)


def test_running_sweep_says_how_much_is_done(tmp_path):
    cells = made_up(kinds=[("superposed", "input")], seeds=1, widths=(64,))
    path = written(tmp_path / "results.h5", cells, done=np.full(len(cells), False))
    assert main(["report", str(path), "-o", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out/index.html").read_text()
    assert "0 of 10 cells done" in page and "No SAE is evaluated yet." in page


@pytest.mark.skipif(program() is None, reason="no chromium on this machine; Debian's package `chromium` has it")
def test_page_draws_its_charts_light_and_dark_without_a_word_on_the_console(report, tmp_path):
    with Browser(tmp_path / "profile") as browser:
        for dark in (False, True):
            browser.open((report / "index.html").as_uri(), dark=dark)
            browser.run("saesweep.drawAll()")
            browser.wait("document.querySelectorAll('figure[data-drawn=yes]').length === 3")
            colours = browser.run("document.querySelector('#chart-fronts .plot').data.map(trace => trace.line && trace.line.color)")
            assert ("#56b4e9" if dark else "#0072b2") in colours and browser.said == []
        assert "toy <small>" in browser.run("document.querySelector('h1').textContent")
        texts = browser.run("document.querySelector('#chart-mmcs .plot').data.flatMap(trace => trace.text || [])")
        assert any("penalty 0.1: 0.97 (0.96 to 0.98, 3 seeds)" in text for text in texts)
        browser.run("document.querySelector('#chart-fronts .legend button[data-variant=gaussian]').click()")
        browser.wait("document.querySelector('#chart-fronts .plot').data.filter(t => t.meta === 'gaussian').every(t => t.visible === false)")
        browser.run("(() => { const box = document.getElementById('filter'); box.value = 'gaussian mlp'; box.dispatchEvent(new Event('input')); })()")
        browser.wait("document.getElementById('shown').textContent.startsWith('60 of 240')")
        assert browser.said == []
