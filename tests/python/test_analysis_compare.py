"""python -m analysis compare: held against scipy on the files' own numbers."""

import re
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from browser import Browser, program
from make_results import make_results
from scipy import stats
from statsmodels.stats.multitest import multipletests

import analysis
from analysis.__main__ import main
from analysis.comparison import differences, page
from analysis.comparison.match import match
from analysis.comparison.settings import settings
from analysis.metrics import METRICS

SEEDS = 4
FEWER = [f"cells/{name}" for name in ("mse", "cosine_similarity", "mse_no_first", "cosine_similarity_no_first", "explained_variance_no_first", "dead_fraction")]
SMALL = dict(layers=2, seeds=SEEDS, latents=64, scored=6, without=FEWER)  # 40 cells
TABLES = ("differences", "latents", "settings", "bits", "only_in_one")


def changed(source, target, change):
    """A copy of a results file, as `change(file)` leaves it."""
    shutil.copy(source, target)
    with h5py.File(target, "r+") as file:
        change(file)
    return target


def another_judge(file):
    """Other scores; one latent of each cell that the first sweep did not draw; another sweep file; another name."""
    rng = np.random.default_rng(7)
    for name in ("cells/fuzz_auroc", "latents/fuzz_auroc"):
        file[name][:] = file[name][:] - 0.02 + rng.normal(0, 0.01, file[name].shape)
    file["latents/index"][:, 0] = 63
    file.attrs["sweep"] = np.bytes_(file.attrs["sweep"] + b'[judge]\nkind = "<b>openai</b>"\n')
    file.attrs["sweep_name"] = np.bytes_(b"quick & other")


def other_scores(file):
    scores = file["latents/fuzz_auroc"][:]
    scores = scores - 0.02 + np.random.default_rng(7).normal(0, 0.01, scores.shape)
    scores[0, 0] = np.nan
    file["latents/fuzz_auroc"][:], file["cells/fuzz_auroc"][:] = scores, np.nanmean(scores, axis=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    first = make_results(folder / "a.h5", **SMALL)
    return first, changed(first, folder / "b.h5", another_judge)


@pytest.fixture(scope="module")
def written(files):
    output = files[0].parent / "out"
    assert main(["compare", *map(str, files), "-o", str(output), "--margin", "fuzz_auroc=0.03", "--margin", "l1=5", "--level", "0.95"]) == 0
    return output


def table(output, name):
    return pd.read_csv(output / f"{name}.csv", keep_default_na=name != "settings")


def test_equal_files_are_equal_in_every_bit(files):
    one = analysis.load(files[0])
    matched = match(one, one)
    assert len(matched.pairs) == 40 and matched.axes.empty and matched.only.empty
    found, bits = differences.by_seed(one, one, matched, METRICS), differences.by_column(one, one, matched)
    assert found["equal_bits"].all() and (found["verdict"] == "equal").all() and (found["max_abs"] == 0).all()
    assert (bits["n_differ"] == 0).all() and len(bits) > 30
    np.testing.assert_allclose(differences.latents(one, one, matched)["rho"], 0.95)  # 1 of 5 latents, half a step away
    assert settings(one, one).empty


def test_difference_has_the_interval_of_a_paired_t_test_over_seeds(files, written):
    a, b = (analysis.load(path).cells for path in files)
    found = table(written, "differences")
    assert len(found) == sum(5 if not metric.trained_only else 1 for metric in METRICS if metric.name in set(found["metric"])) * 2
    for row in found[found["metric"] == "fuzz_auroc"].itertuples():
        here = (a["variant"] == row.variant) & (a["layer"] == row.layer)
        one, other = a.loc[here, "fuzz_auroc"], b.loc[here, "fuzz_auroc"]
        test = stats.ttest_rel(one, other)
        assert (row.n, row.basis) == (SEEDS, "seeds")
        np.testing.assert_allclose([row.difference, row.low, row.high], [one.mean() - other.mean(), *test.confidence_interval(0.95)], rtol=1e-9)
        assert row.max_abs == pytest.approx((one - other).abs().max()) and not row.equal_bits


def test_init_seeds_are_the_seeds_where_there_are_several(files, tmp_path):
    """Two init seeds with two SAE seeds each: pairs are the init seeds' means."""
    def two_init_seeds(file):
        seed = file["cells/sae_seed"][:]
        file["cells/init_seed"][:] = np.where(file["cells/variant"][:] == b"trained", -1, seed // 2)
        file["cells/sae_seed"][:] = np.where(file["cells/variant"][:] == b"trained", seed, seed % 2)

    a, b = (analysis.load(changed(path, tmp_path / path.name, two_init_seeds)) for path in files)
    found = differences.by_seed(a, b, match(a, b), [metric for metric in METRICS if metric.name == "fuzz_auroc"])
    row = found[(found["variant"] == "control") & (found["layer"] == 1)].iloc[0]
    means = [r.cells[(r.cells["variant"] == "control") & (r.cells["layer"] == 1)].groupby("init_seed")["fuzz_auroc"].mean() for r in (a, b)]
    np.testing.assert_allclose([row["low"], row["high"]], stats.ttest_rel(*means).confidence_interval(0.95), rtol=1e-9)
    assert row["n"] == 2


def test_holm_runs_over_the_layers_and_variants_of_a_metric(written):
    found = table(written, "differences")
    for metric, width in (("fuzz_auroc", 0.03), ("explained_variance", 0.05)):
        family = found[found["metric"] == metric]
        assert len(family) == 10 and (family["margin"] == width).all()
    family = found[found["metric"] == "fuzz_auroc"]
    p = stats.t.sf(family["difference"].abs() / ((family["high"] - family["low"]) / 2 / stats.t.ppf(0.975, SEEDS - 1)), SEEDS - 1) * 2
    np.testing.assert_allclose(family["p_difference_holm"], multipletests(p, method="holm")[1])


def test_cells_that_one_sweep_has_not_scored_are_no_pair(files, tmp_path):
    """Two init seeds of two SAE seeds; B lacks one cell's score, so A's cell does not enter its init seed's mean."""
    def two_init_seeds(file):
        seed = file["cells/sae_seed"][:]
        file["cells/init_seed"][:], file["cells/sae_seed"][:] = seed // 2, seed % 2

    a = analysis.load(changed(files[0], tmp_path / "a.h5", two_init_seeds))
    b = analysis.load(changed(tmp_path / "a.h5", tmp_path / "b.h5", lambda file: file["cells/fuzz_auroc"].__setitem__(0, np.nan)))
    found = differences.by_seed(a, b, match(a, b), [metric for metric in METRICS if metric.name == "fuzz_auroc"])
    assert (found["difference"] == 0).all() and found["equal_bits"].all()


def test_latents_of_one_sae_are_compared_in_pairs(files, tmp_path):
    """Two judges of a sweep with one seed; of the first cell the second judge left a latent out."""
    a = analysis.load(make_results(tmp_path / "a.h5", **SMALL | {"seeds": 1}))
    b = analysis.load(changed(tmp_path / "a.h5", tmp_path / "b.h5", other_scores))
    found = differences.by_seed(a, b, match(a, b), [metric for metric in METRICS if metric.name == "fuzz_auroc"])
    assert len(found) == 10 and (found["basis"] == "this SAE only").all() and (found["verdict"] == "").all()
    for row in found.itertuples():
        cell = a.cells.index[(a.cells["variant"] == row.variant) & (a.cells["layer"] == row.layer)][0]
        one, other = (r.latents.loc[r.latents["cell"] == cell, "fuzz_auroc"].dropna() for r in (a, b))
        test = stats.ttest_ind(one, other, equal_var=False) if cell == 0 else stats.ttest_rel(one, other)
        np.testing.assert_allclose([row.low, row.high], test.confidence_interval(0.95))


def test_the_mean_of_an_init_seeds_saes_has_not_the_interval_of_one_of_them(files, tmp_path):
    """Layer 1 has two init seeds of two SAE seeds, layer 0 one of them."""
    def two_init_seeds(file):
        seed = file["cells/sae_seed"][:]
        file["cells/init_seed"][:], file["cells/sae_seed"][:] = seed // 2, seed % 2
        file["cells/fuzz_auroc"][(seed // 2 == 1) & (file["cells/layer"][:] == 0)] = np.nan

    a = analysis.load(changed(files[0], tmp_path / "a.h5", two_init_seeds))
    b = analysis.load(changed(tmp_path / "a.h5", tmp_path / "b.h5", other_scores))
    found = differences.by_seed(a, b, match(a, b), [metric for metric in METRICS if metric.name == "fuzz_auroc"])
    rows = found[found["basis"] == "this SAE only"]
    cells = a.cells[(a.cells["variant"] == "control") & (a.cells["layer"] == 0) & (a.cells["init_seed"] == 0)]
    row = rows[rows["variant"] == "control"].iloc[0]
    errors = [r.latents[r.latents["cell"].isin(cells.index)].groupby("cell")["fuzz_auroc"].var() / 5 for r in (a, b)]
    assert row["high"] - row["low"] > 2 * np.sqrt(sum(error.mean() for error in errors))


@pytest.mark.parametrize("option", ["--margin=fuzz_auroc", "--margin=fuzz=0.1", "--margin=l1=-1", "--margin=ce_loss_score=0.1", "--level=95"])
def test_wrong_margins_and_levels_are_refused(capsys, option):
    with pytest.raises(SystemExit, match="2"):
        main(["compare", "a", "b", "-o", "out", option])
    assert "fuzz_auroc" in capsys.readouterr().err or option == "--level=95"


def test_latents_that_both_drew_are_correlated_by_rank_in_each_sae_and_seeds_carry_the_interval(files, written):
    a, b = (analysis.load(path).latents for path in files)
    found = table(written, "latents").set_index(["variant", "score"])
    cells = analysis.load(files[0]).cells
    both = a.merge(b, on=["cell", "index"])
    assert len(both) == len(a) - 40
    for variant, part in both.groupby(cells["variant"].loc[both["cell"]].to_numpy()):
        row = found.loc[(variant, "fuzz_auroc")]
        rho = pd.Series({cell: stats.spearmanr(sae["fuzz_auroc_x"], sae["fuzz_auroc_y"]).statistic for cell, sae in part.groupby("cell")})
        bound = 1 - 6 / (part.groupby("cell").size() ** 3 - part.groupby("cell").size())
        z = np.arctanh(rho.clip(-bound, bound)).groupby(cells["sae_seed"]).mean()
        low, high = stats.t.interval(0.95, SEEDS - 1, z.mean(), stats.sem(z))
        assert row["n"] == len(part) and row["same_sae"] and (row["n_seeds"], row["n_layers"]) == (SEEDS, 2)
        np.testing.assert_allclose([row["rho"], row["low"], row["high"]], np.tanh([z.mean(), low, high]))
        assert found.loc[(variant, "detection_auroc"), "rho"] == pytest.approx(np.tanh(np.arctanh(bound).mean()))


def test_what_layers_differ_in_is_no_correlation_of_latents(files, tmp_path):
    """Each SAE's scores are ranked one way in A and the other way in B; those of layer 1 are higher in both."""
    def ranked(sign):
        def change(file):
            scores = file["latents/fuzz_auroc"]
            scores[:] = 0.3 + 0.4 * file["cells/layer"][:][:, None] + sign * 0.01 * np.arange(scores.shape[1])
        return change

    a, b = (analysis.load(changed(files[0], tmp_path / f"{sign}.h5", ranked(sign))) for sign in (1, -1))
    found = differences.latents(a, b, match(a, b)).set_index("score")
    np.testing.assert_allclose(found.loc["fuzz_auroc", "rho"], -0.95)  # -1 of 5 latents, half a step away


def test_settings_that_differ_and_columns_that_differ_are_named(written):
    found = table(written, "settings").set_index("name")
    assert found.loc["judge.kind", ["a", "b"]].tolist() == ["", '"<b>openai</b>"']
    assert set(found.index) == {"judge.kind", "sweep_name"}
    bits = table(written, "bits").set_index(["frame", "column"])
    assert set(bits.index[bits["n_differ"] > 0]) == {("cells", "fuzz_auroc"), ("latents", "fuzz_auroc")}
    assert bits.loc[("cells", "fuzz_auroc"), "n_differ"] == 40


def test_an_axis_on_which_all_cells_differ_is_named_and_cells_match_by_the_others(files, tmp_path):
    def shorter(file):
        file["cells/tokens"][:] = 102_400
        for name in ("cells/id", "grid/id"):
            file[name][:] = [b"x" + text[1:] for text in file[name][:]]
        file["cells/layer"][-1], file["cells/hookpoint"][-1] = 8, b"layers.8"

    a, b = analysis.load(files[0]), analysis.load(changed(files[1], tmp_path / "b.h5", shorter))
    matched = match(a, b)
    assert matched.axes.to_dict("records") == [{"axis": "tokens", "a": 204_800, "b": 102_400}]
    assert len(matched.pairs) == 39 and not matched.pairs["same_sae"].any()
    assert matched.only[["sweep", "hookpoint"]].to_numpy().tolist() == [["A", "layers.1"], ["B", "layers.8"]]
    assert (matched.pairs["a"] == matched.pairs["b"]).all()


def test_page_names_what_both_share_and_in_what_they_differ(files, tmp_path):
    def otherwise(file):
        file["cells/tokens"][:], file["cells/k"][:] = 102_400, 8
        file.attrs["sweep"] = np.bytes_(file.attrs["sweep"] + b'[text]\ntrain = "other"\nheld_out = 0.5\n[evaluate]\ntokens = 7\n[run]\nthreads = 9\n')

    other = changed(files[0], tmp_path / "b.h5", otherwise)
    assert main(["compare", str(files[0]), str(other), "-o", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out/index.html").read_text()
    heading = re.search("<h3>(.*?)</h3>", text).group(1)
    assert "topk" in heading and "hookpoint" in heading and "k\N{NO-BREAK SPACE}=" not in heading and "tokens" not in heading
    assert "All cells differ in k (A 16, B 8), tokens (A 204,800, B 102,400). Settings differ, too: text (train, held_out), evaluate (tokens). " in text


def test_sweeps_without_a_latent_or_a_number_in_common_say_so(files, tmp_path):
    other = changed(files[0], tmp_path / "b.h5", lambda file: file["latents/index"].__setitem__(..., file["latents/index"][:] + 100))
    assert main(["compare", str(files[0]), str(other), "-o", str(tmp_path / "out")]) == 0
    latents = (tmp_path / "out/index.html").read_text().split('<section id="latents"')[1].split("</section>")[0]
    assert "Both sweeps have no scored latent in common." in latents and "<thead>" not in latents
    bits = pd.DataFrame({"frame": "cells", "column": ["mse"], "n": [0], "n_differ": [0], "max_abs": [np.nan]})
    assert "No number is in both sweeps yet." in page._bits(bits) and "equal in every bit" in page._bits(bits.assign(n=1))


def test_sweeps_without_a_common_cell_are_one_line_and_exit_code_2(files, tmp_path, capsys):
    other = changed(files[0], tmp_path / "b.h5", lambda file: file["cells/hookpoint"].__setitem__(slice(None), b"layer.x"))
    with h5py.File(other, "r+") as file:
        file["cells/sae_seed"][:] = file["cells/sae_seed"][:] + 100
    assert main(["compare", str(files[0]), str(other), "-o", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and str(other) in said and "no cell is in both" in said


def test_page_draws_its_figures_in_a_browser_without_a_network(files, written, tmp_path):
    if program() is None:
        pytest.skip("no chromium on this machine; Debian's package `chromium` has it")
    with Browser(tmp_path / "profile") as browser:
        for dark in (False, True):
            browser.open((written / "index.html").as_uri(), dark=dark)
            browser.wait("document.querySelectorAll('#chart-by_layer .scatterlayer .trace').length > 0")
            assert browser.said == []
        cut = "Array.from(document.querySelectorAll('#metrics > .scroll'), box => box.scrollWidth - box.clientWidth)"
        assert browser.run("innerWidth") <= 1400 and browser.run(cut) == [0], "all columns of the verdicts are in the window"
        assert browser.run("document.querySelector('h1').textContent") == "quickstart beside quick & other"
        cells = browser.run("Array.from(document.querySelectorAll('#settings td'), cell => cell.textContent)")
        assert {"quick & other", '"<b>openai</b>"'} <= set(cells)
        drawn = browser.run("document.querySelector('#chart-by_layer .plot').data.filter(t => t.meta === 'control').map(t => [t.x, t.y, t.line.dash])")
    found = table(written, "differences")
    control = found[found["variant"] == "control"]
    assert [x for x, _, _ in drawn] == [[0, 1]] * 2 * control["metric"].nunique()
    expected = [control.loc[control["metric"] == metric, name] for metric in control["metric"].unique() for name in ("mean_a", "mean_b")]
    np.testing.assert_allclose([y for _, y, _ in drawn], expected, rtol=1e-5)
    assert [dash for _, _, dash in drawn[:2]] == ["solid", "6px,3px"]


def test_tables_stand_beside_the_page_as_csv_and_latex(written):
    for name in TABLES:
        assert (written / f"{name}.csv").exists() and "\\begin{" in (written / f"{name}.tex").read_text()
    assert {path.suffix for path in (written / "figures").iterdir()} == {".svg", ".pdf"}


def test_widths_whose_rounded_expansion_factors_are_equal_are_two_kinds(files, tmp_path):
    def of_two_widths(file):
        file["cells/n_latents"][:] = np.where(file["cells/sae_seed"][:] < 2, 300, 400)
        file["cells/d_in"][:], file["cells/expansion_factor"][:], file["cells/sae_seed"][:] = 256, 1, file["cells/sae_seed"][:] % 2

    a, b = (changed(path, tmp_path / path.name, of_two_widths) for path in files)
    main(["compare", str(a), str(b), "-o", str(tmp_path / "out")])
    assert table(tmp_path / "out", "differences")["expansion_factor"].unique().tolist() == [300 / 256, 400 / 256]
    assert table(tmp_path / "out", "only_in_one").empty
    assert "R\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}1.17188" in (tmp_path / "out/index.html").read_text()


def test_cells_whose_width_is_not_known_yet_are_no_pair_where_widths_are_fractions(files, tmp_path, capsys):
    """Of the first layer of `trained` B has one SAE of 300 latents; the others are to come, and may have 300 or 400."""
    def of_two_widths(file):
        file["cells/n_latents"][:] = np.where(file["cells/sae_seed"][:] < 2, 300, 400)
        file["cells/d_in"][:], file["cells/expansion_factor"][:], file["cells/sae_seed"][:] = 256, 1, file["cells/sae_seed"][:] % 2

    def begun(file, rows=slice(1, 4)):
        file["cells/state"][rows], file["cells/stage"][rows] = 0, 0

    a = changed(files[0], tmp_path / "a.h5", of_two_widths)
    b = changed(a, tmp_path / "b.h5", begun)
    assert main(["compare", str(a), str(b), "-o", str(tmp_path / "out")]) == 0
    only = table(tmp_path / "out", "only_in_one")
    assert only[["sweep", "sae_seed", "expansion_factor"]].to_numpy().tolist() == [["A", 1, 300 / 256], ["A", 0, 400 / 256], ["A", 1, 400 / 256]]
    assert "37 cells are in both sweeps, 37 of them evaluated in both; A alone has 3, B alone 0. Left out: 3 cells without an SAE yet" in (tmp_path / "out/index.html").read_text()
    none = changed(a, tmp_path / "none.h5", lambda file: begun(file, slice(None)))
    assert main(["compare", str(a), str(none), "-o", str(tmp_path / "out")]) == 2
    assert "nothing to compare. Left out: 40 cells without an SAE yet" in capsys.readouterr().err


def test_scores_without_a_correlation_count_no_seeds_and_no_layers(files, tmp_path):
    """All detection AUROCs of `control` are equal."""
    a = changed(files[0], tmp_path / "a.h5", lambda file: file["latents/detection_auroc"].__setitem__(slice(32, None), 0.5))
    assert main(["compare", str(a), str(a), "-o", str(tmp_path / "out")]) == 0
    found = table(tmp_path / "out", "latents").set_index(["variant", "score"])
    assert found["n_seeds"].dtype == found["n_layers"].dtype == int and found.loc[("control", "fuzz_auroc"), "n_seeds"] == SEEDS
    row = found.loc[("control", "detection_auroc")]
    assert np.isnan(row["rho"]) and row[["n_seeds", "n_layers", "basis", "claim"]].tolist() == [0, 0, "none", "none"]
