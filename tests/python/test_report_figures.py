"""The report's figures and tables where numbers are few, missing or far off, on made-up frames and files."""

import base64
import gzip
import json
import re
import warnings

import h5py
import numpy as np
import pandas as pd
import pytest
from make_results import DONE, TO_COME, VARIANTS, make_results

import analysis
from analysis import figures, score_figures, scores, tables, training_figures
from analysis.frame import page
from analysis.interactive import Chart, Panel, Series, still
from analysis.interactive.page import plotly
from analysis.metrics import METRICS
from analysis.report import write_report
from analysis.sections import metrics, training
from analysis.sections import scores as score_sections
from analysis.sections.context import Context
from analysis.summary import means_over_layers

METRIC = {metric.name: metric for metric in METRICS}
NONE = 0


@pytest.fixture
def context_of(tmp_path):
    """Makes a Context of a results file, after a change to it."""
    def make(change=None, level=0.95, **how):
        path = make_results(tmp_path / "results.h5", **dict(layers=2, seeds=2, latents=16, scored=4) | how)
        if change:
            with h5py.File(path, "r+") as file:
                change(file)
        return Context(analysis.load(path), tmp_path / "report", {}, level)

    return make


def upright(chart):
    """Draws the chart without a warning; whether all its axes run upwards over more than a point."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        still(chart)
    layout = plotly(chart)[1]
    ranges = [axis["range"] for name, axis in layout.items() if name.startswith(("xaxis", "yaxis")) and "range" in axis]
    return len(ranges) >= 2 * len(chart.panels) and all(low < high for low, high in ranges)


def by_layer_frame(mean, low, high, metric="explained_variance", layers=2):
    values = [np.broadcast_to(part, layers) for part in (mean, low, high)]
    return pd.DataFrame({"variant": "trained", "layer": range(layers), "metric": metric, "mean": values[0], "min": values[1], "max": values[2], "n": 2})


@pytest.mark.parametrize("mean", [-3.0, -0.25, 0.0, 0.9])
def test_axes_run_upwards_wherever_the_values_lie(mean):
    frame = by_layer_frame(mean, mean - 0.1, mean + 0.1)
    chart = figures.by_layer("a", [("", frame)], [METRIC["explained_variance"]], ("min", "max"), "", "")
    assert upright(chart) and chart.panels[0].note == ("2 below −0.25" if mean < -0.25 else "")


def test_axes_of_training_curves_run_upwards_where_nothing_is_explained():
    points = pd.DataFrame({"variant": "trained", "layer": 0, "tokens": [100, 200, 300], "explained_variance": -2.0, "dead_fraction": 0.0})
    assert upright(training_figures.curves("a", points, "", ""))


@pytest.mark.filterwarnings("error")
def test_axes_span_something_where_all_values_are_zero(context_of, tmp_path):
    assert upright(training_figures.firing_rates("a", {("trained", 0): np.zeros(8)}, "", ""))
    latents = pd.DataFrame({"variant": "trained", "layer": 0, "index": [1, 2], "token_entropy": 0.0, "fuzz_auroc": [0.4, 0.6]})
    assert upright(score_figures.entropy_scatter("a", latents, {}, "fuzz_auroc", "fuzzing", "", ""))

    def no_entropy(file):
        for name in ("latents/token_entropy", "cells/token_entropy"):
            file[name][:] = np.where(np.isnan(file[name][:]), np.nan, 0)

    zeros = Chart("a", [Panel("", [Series("trained", [0, 1], [0, 0])], x_range=(0, 1), is_log_y=True)], 1, "", "")
    still(zeros).savefig(tmp_path / "a.pdf")
    context = context_of(no_entropy)
    rows = context.comparisons[context.comparisons["variant_a"] == "trained"]
    assert upright(figures.differences("a", context.columns(rows), [METRIC["token_entropy"]], "", "", 0.95))


def bands_of(series, **panel):
    chart = Chart("a", [Panel("", [series], **panel)], 1, "", "")
    return [list(zip(trace["x"], trace["y"])) for trace in plotly(chart)[0] if trace.get("fill") == "toself"]


def test_a_band_has_a_gap_where_a_number_is_missing():
    nan = np.nan
    (band,) = bands_of(Series("trained", range(5), [1, 1, nan, 1, 1], low=[0, 0, nan, 0, 0], high=[2, 3, nan, 2, 3]))
    assert band == [(0, 0), (1, 0), (1, 3), (0, 2), (None, None), (3, 0), (4, 0), (4, 3), (3, 2)]


def test_a_band_down_to_zero_ends_at_the_foot_of_a_logarithmic_axis():
    (band,) = bands_of(Series("trained", [0, 1], [10, 100], low=[-5, 10], high=[20, 200]), is_log_y=True)
    assert min(y for _, y in band) == pytest.approx(10 / (200 / 10) ** 0.06)


def test_the_range_over_seeds_of_a_single_layer_is_a_bar():
    frame = by_layer_frame(0.5, 0.4, 0.6, layers=1)
    chart = figures.by_layer("a", [("", frame)], [METRIC["explained_variance"]], ("min", "max"), "", "")
    (trace,) = plotly(chart)[0]
    assert trace["error_y"]["array"] == trace["error_y"]["arrayminus"] == [0.1]
    assert len(still(chart).axes[0].collections) == 1


def of_variants(values, metric="explained_variance"):
    """A frame of summary.figure2: means by layer of each variant."""
    frames = [by_layer_frame(value, value, value, metric, len(value)).assign(variant=variant) for variant, value in values.items()]
    return pd.concat(frames, ignore_index=True)


def test_a_line_that_another_would_hide_is_wider_and_below_it_in_page_and_file():
    values = {"trained": [0.5, 0.6, 0.7], "rerandomized_excl": [0.9, 0.9, 0.9], "rerandomized_incl": [0.9, 0.901, 0.95], "control": [0.1, 0.1, 0.9]}
    chart = figures.by_layer("x", [("", of_variants(values))], [METRIC["explained_variance"]], ("min", "max"), "", "")
    lines = [trace for trace in plotly(chart)[0] if trace["mode"] == "lines+markers"]
    assert [trace["meta"] for trace in lines] == ["rerandomized_excl", "trained", "rerandomized_incl", "control"]
    widths = [trace["line"]["width"] for trace in lines]
    assert widths[0] > 1.5 * widths[1] and set(widths[1:]) == {widths[1]}
    drawn = [line.get_linewidth() for line in still(chart).axes[0].lines]
    assert drawn[0] > 1.5 * drawn[1] and set(drawn[1:]) == {drawn[1]}


def test_what_means_little_is_thin_with_open_markers_in_its_own_colour():
    frame = of_variants({"trained": [0.9, 0.8], "control": [0.5, 0.9]}, "kl_score")
    chart = figures.by_layer("x", [("", frame)], [METRIC["kl_score"]], ("min", "max"), "", "")
    trained, control = (trace for trace in plotly(chart)[0] if trace["mode"] == "lines+markers")
    assert control["marker"]["symbol"].endswith("-open") and control["line"]["color"] == "--v-control" and "opacity" not in control
    assert control["line"]["width"] < trained["line"]["width"] and not trained["marker"]["symbol"].endswith("-open")


def test_nulls_and_variants_of_a_single_layer_stand_side_by_side():
    frame = pd.concat([of_variants({"trained": [0.8], "control": [0.8]}, name) for name in ("fuzz_auroc", "fuzz_auroc_null")])
    chart = figures.by_layer("x", [("", frame)], [METRIC["fuzz_auroc"]], ("min", "max"), "", "")
    lines = [series for series in chart.panels[0].series if series.variant]
    points, nulls = ([series for series in lines if (series.dash == "dotted") == is_null] for is_null in (False, True))
    assert points[0].x != points[1].x and not chart.compared
    assert all(null.x[0] < point.x[0] < null.x[1] and null.y == [0.8, 0.8] for point, null in zip(points, nulls, strict=True))


def test_names_of_models_with_dollars_are_no_formulas(tmp_path):
    chart = Chart("a", [Panel("a $x^$ \\frac{ \"b\" <c>", [Series("trained", [0], [1])])], 1, "", "")
    still(chart).savefig(tmp_path / "a.pdf")
    assert plotly(chart)[1]["annotations"][0]["text"] == "<b>a $x^$ \\frac{ \"b\" &lt;c&gt;</b>"


def test_a_mean_over_layers_is_of_variants_that_have_them_all():
    frame = pd.DataFrame({"variant": ["a", "a", "a", "b", "c", "c"], "layer": [0, 0, 1, 0, 0, 1], "x": [1.0, 3.0, 4.0, 9.0, 9.0, np.nan]})
    assert means_over_layers(frame, "x") == {"a": 3.0}


def test_areas_of_roc_curves_are_named_for_variants_with_all_layers(context_of):
    states = [DONE] * 3 + [TO_COME] + [DONE] * 16  # trained has one seed in layer 1
    states[6:8] = [TO_COME] * 2  # rerandomized_incl has no layer 1
    text = score_sections.rocs(context_of(states=states))
    said = text.split("Area under the pooled curves, mean over layers:")[1].split(". Elsewhere")[0]
    assert "Trained" in said and "Control" in said and "incl. emb." not in said


def test_a_judge_that_answered_nothing_is_said_to_have(context_of):
    def silent(file):
        for scorer in ("fuzz", "detection"):
            for name in ("probability", "null_probability"):
                file[f"predictions/{scorer}_{name}"][:] = np.nan

    context = context_of(silent)
    assert "The judge answered no example." in score_sections.rocs(context)
    text = score_sections.nulls(context)
    assert "Latents explained and scored: 60, of 20 SAEs." in text
    assert "Examples with an answer: 16,000; without one: 160, of which with a reply that could not be read: 20." in text


def test_counts_that_a_file_lacks_are_not_zero(context_of):
    text = score_sections.nulls(context_of(without=("cells/n_judged", "cells/n_scored"), layers=1, seeds=1))
    assert "scored: not recorded, of 5 SAEs" in text and "with an answer: not recorded; without one: 40," in text


def test_hookpoints_of_no_layer_have_no_layer_minus_one(context_of):
    def embedding(file):
        file["cells/hookpoint"][:], file["cells/layer"][:] = b"embed_in", -1

    context = context_of(embedding, layers=1)
    report = write_report(context.results, context.output).read_text()
    assert "5 variants" in report and "embed_in, 2 SAE seeds" in report
    assert "layer -1" not in report and ">-1<" not in report and "(-1)" not in report
    chart = figures.by_layer("a", context.columns(context.table), context.metrics, ("min", "max"), "", "")
    assert plotly(chart)[1]["xaxis"]["ticktext"] == ["none"]


def test_cells_of_an_earlier_state_of_the_sweep_are_counted_and_left_out(context_of):
    """Seed 1 was in the sweep, and is no more."""
    def one_seed(file):
        for name in ("id", "evaluate_id", "score_id", "settings"):
            kept = file[f"grid/{name}"][::2]
            del file[f"grid/{name}"]
            file[f"grid/{name}"] = kept

    context = context_of(one_seed)
    cells = context.results.cells
    assert len(context.results.grid) == 10 and len(cells) == 20 and len(context.cells) == 10
    table = context.table[context.table["metric"] == "explained_variance"].set_index(["variant", "layer"])
    assert (table["n"] == 1).all() and table.loc[("control", 1), "mean"] == cells["explained_variance"][18]
    said = tables.progress(context.results)
    assert "10 of 10 cells done" in said and "10 cells are kept, and left out here" in said
    frame = scores.above_null(context.cells)
    assert f">{frame['mean'].iloc[0]:.3f}<" in score_sections.nulls(context) and (frame["n_cells"] == 2).all()
    write_report(context.results, context.output)
    for name in ("latents", "all_latents"):
        assert set(pd.read_csv(context.output / f"tables/{name}.csv")["cell"]) == set(range(0, 20, 2))
    assert len(pd.read_csv(context.output / "tables/cells.csv")) == 20


def test_an_infinite_entropy_is_drawn_as_a_missing_one(context_of):
    context = context_of(lambda file: file["latents/token_entropy"].__setitem__((0, 0), np.inf))
    assert 'data-chart="entropy"' in write_report(context.results, context.output).read_text()


def test_progress_counts_the_cells_of_the_whole_sweep_where_files_hold_a_part(context_of):
    context = context_of(rows=range(6), states=[DONE] * 5 + [TO_COME] * 15)
    assert len(context.cells) == 6
    said = tables.progress(context.results)
    assert "5 of 20 cells done" in said and "15 to come" in said and "not finished" in said and 'style="width: 25.00%"' in said


def test_every_interval_is_of_the_level_asked_for(context_of):
    context = context_of(level=0.9)
    page = write_report(context.results, context.output, level=0.9).read_text()
    charts = [figures.by_layer("a", context.columns(context.means), context.metrics, ("low", "high"), "", "", 0.9),
              figures.differences("b", context.columns(context.comparisons), context.metrics, "", "", 0.9)]  # fmt: skip
    texts = [text for chart in charts for panel in chart.panels for series in panel.series for text in series.texts]
    assert sum("90% interval" in text for text in texts) > 100 and not any("95%" in text for text in texts)
    assert "its 90% interval" in page and "95%" not in re.sub(r"<script.*?</script>", "", page.split("<main>")[1], flags=re.S)
    assert "with 90 \\% intervals over seeds" in (context.output / "tables/means.tex").read_text()
    wide, narrow = scores.above_null(context.cells, 0.95), pd.read_csv(context.output / "tables/scores.csv")
    ratio = (wide["high"] - wide["low"]) / (narrow["high"] - narrow["low"])
    np.testing.assert_allclose(ratio, 12.7062047 / 6.3137515, rtol=1e-6)  # Student's t of one degree of freedom


def test_means_against_a_setting_are_over_layers_that_all_variants_have_at_all_their_values(context_of):
    """k is 16 in seed 0 and 32 in seed 1; trained failed at k = 32 in layer 1, control has no score there at k = 16, and step0 has
    no layer with a detection AUROC at both."""
    def two_settings(file):
        file["cells/detection_auroc"][[12, 15]] = np.nan
        file["cells/k"][:] = np.where(file["cells/sae_seed"][:] == 0, 16, 32)
        file["cells/state"][3], file["cells/stage"][3] = 3, NONE
        file["cells/fuzz_auroc"][18] = np.nan

    context = context_of(two_settings)
    metrics.settings(context)
    table = pd.read_csv(context.output / "tables/by_sparsity.csv").set_index(["variant", "metric", "sparsity"])
    cells = context.results.cells
    for variant, metric, rows in (("trained", "explained_variance", {"k = 16": [0], "k = 32": [1]}), ("control", "fuzz_auroc", {"k = 16": [16], "k = 32": [17]}),
                                  ("control", "explained_variance", {"k = 16": [16], "k = 32": [17]}),
                                  ("control", "detection_auroc", {"k = 16": [16], "k = 32": [17]}),
                                  ("control", "token_entropy", {"k = 16": [16], "k = 32": [17]})):  # fmt: skip
        for value, at in rows.items():
            row = table.loc[(variant, metric, value)]
            assert (row["mean"], row["low"], row["high"], row["n"]) == pytest.approx((*cells[metric][at].agg(["mean", "min", "max"]), len(at)))
    assert ("step0", "detection_auroc") not in table.index.droplevel("sparsity")


def test_a_panel_of_settings_without_a_number_says_so_and_has_the_axis_of_the_others(context_of):
    """Two models, of which the second has no scores."""
    def change(file):
        of_settings({"k": [16, 32]})(file)
        file["cells/fuzz_auroc"][:] = np.where(file["cells/model"][:] == b"b", np.nan, 0.7)

    context = context_of(change, models=("a", "b"))
    _, ticks, lines = lines_of(metrics.settings(context), "by_sparsity")
    assert ticks == [{0: "k = 16", 1: "k = 32"}] * 8 and set(lines[3]) == {""}, "chance alone"
    table = pd.read_csv(context.output / "tables/by_sparsity.csv")
    chart = figures.by_setting("a", context.columns(table), [METRIC["fuzz_auroc"]], "sparsity", "sparsity", "", "")
    assert upright(chart) and [panel.note for panel in chart.panels] == ["", "no values"]


def lines_of(text, name):
    """Of a chart in HTML: titles of its panels, the ticks of each x axis by their place, and y by variant of each panel's lines."""
    packed = re.search(rf'id="data-chart-{name}">([^<]*)<', text).group(1)
    chart = json.loads(gzip.decompress(base64.b64decode(packed)))
    titles = [annotation["text"] for annotation in chart["layout"]["annotations"] if annotation["text"].startswith("<b>")]
    axes = [f"axis{i + 1 if i else ''}" for i in range(sum(name.startswith("xaxis") for name in chart["layout"]))]
    ticks = [dict(zip(axis["tickvals"], axis["ticktext"])) for axis in (chart["layout"][f"x{name}"] for name in axes)]
    lines = [{trace["meta"]: dict(zip(trace["x"], trace["y"])) for trace in chart["data"] if trace["xaxis"] == name.replace("axis", "x")} for name in axes]
    return titles, ticks, lines


def of_settings(values):
    """Makes each SAE seed of a file another setting, with known numbers: values of columns by seed, and explained variance is
    0.1 for each seed, 0.01 for each layer and 0.001 for each variant; fuzzing AUROC is half of that, and control has none."""
    def change(file):
        seed, layer = file["cells/sae_seed"][:], file["cells/layer"][:]
        variant = np.array([VARIANTS.index(name.decode()) for name in file["cells/variant"][:]])
        for name, of_seed in values.items():
            file[f"cells/{name}"][:] = np.array(of_seed)[seed]
        file["cells/sae_seed"][:] = 0
        file["cells/explained_variance"][:] = known = 0.1 * (seed + 1) + 0.01 * layer + 0.001 * variant
        file["cells/fuzz_auroc"][:] = np.where(variant == VARIANTS.index("control"), np.nan, known / 2)

    return change


def test_token_budgets_stand_side_by_side_with_their_values(context_of):
    """The paper's figures 15 and 16; budgets in no order, on scales that only names tell apart."""
    context = context_of(of_settings({"tokens": [100_000_000, 1_000_000, 1_000_000_000]}), seeds=3)
    text = metrics.settings(context)
    titles, ticks, lines = lines_of(text, "by_tokens")
    assert titles == ["<b>Explained variance</b>", "<b>Fuzzing AUROC</b>", "<b>Detection AUROC</b>", "<b>Token entropy (nats)</b>"]
    assert ticks == [{0: "1M", 1: "100M", 2: "1B"}] * 4
    for i, variant in enumerate(VARIANTS):
        assert lines[0][variant] == pytest.approx({0: 0.205 + 0.001 * i, 1: 0.105 + 0.001 * i, 2: 0.305 + 0.001 * i})
        if variant != "control":
            assert lines[1][variant] == pytest.approx({place: y / 2 for place, y in lines[0][variant].items()})
    assert "control" not in lines[1] and [set(panel.get("", {}).values()) for panel in lines] == [set(), {0.5}, {0.5}, set()], "chance"
    table = pd.read_csv(context.output / "tables/by_tokens.csv").query("variant == 'step0' and metric == 'explained_variance'").set_index("tokens")
    assert table.loc[1_000_000, ["mean", "low", "high", "n"]].tolist() == pytest.approx([0.208, 0.203, 0.213, 2])
    columns, _, by_layer = lines_of(text, "settings-1")
    assert columns == ["<b>100M tokens</b>", "<b>1M tokens</b>", "<b>1B tokens</b>"]
    assert [panel["trained"] for panel in by_layer[:3]] == [pytest.approx({0: y, 1: y + 0.01}) for y in (0.1, 0.2, 0.3)]
    assert {"by_tokens.svg", "by_tokens.pdf", "settings-1.svg"} <= {path.name for path in (context.output / "figures").iterdir()}


def test_expansion_factors_and_k_are_crossed_with_their_values(context_of):
    """The paper's figures 18 and 19: a column for each value of the other setting."""
    factors, k = [64, 16, 128, 32] * 2, [16] * 4 + [32] * 4
    context = context_of(of_settings({"expansion_factor": factors, "k": k}), seeds=8)
    text = metrics.settings(context)
    titles, ticks, lines = lines_of(text, "by_expansion_factor")
    assert titles == ["<b>k = 16</b>", "<b>k = 32</b>"] and ticks == [{0: "16", 1: "32", 2: "64", 3: "128"}] * 8
    for column in range(2):
        expected = {place: 0.1 * (seed + 1 + 4 * column) + 0.005 for place, seed in enumerate((1, 3, 0, 2))}
        assert lines[column]["trained"] == pytest.approx(expected), "explained variance, in the first row"
        assert lines[2 + column]["trained"] == pytest.approx({place: y / 2 for place, y in expected.items()}), "fuzzing, in the second"
    titles, ticks, lines = lines_of(text, "by_sparsity")
    assert titles == [f"<b>R = {factor}</b>" for factor in factors[:4]] and ticks == [{0: "k = 16", 1: "k = 32"}] * 16
    assert [line["trained"] for line in lines[:4]] == [pytest.approx({0: 0.1 * (i + 1) + 0.005, 1: 0.1 * (i + 5) + 0.005}) for i in range(4)]


def test_a_page_has_the_sections_that_say_something_and_takes_no_markup_from_data():
    body = "$nav\n## a | First | The $name\n$a\n## b | Second | Two\n$b\n## c | | Three\nwords\n##\n<footer>$a</footer>\n"
    text = page("T", body, {"name": "first", "a": "$b $nav\n## d | x | y\n", "b": ""})
    content = text.split("<body>\n")[1].split("</body>")[0]
    said = "$b $nav\n## d | x | y\n"
    assert content == (
        '<nav aria-label="Contents">\n<a href="#a">First</a>\n</nav>\n'
        f'<section id="a" aria-labelledby="a-title">\n<h2 id="a-title">The first</h2>\n{said}\n</section>\n'
        f'<section id="c" aria-labelledby="c-title">\n<h2 id="c-title">Three</h2>\nwords\n</section>\n<footer>{said}</footer>\n'
    )
    assert "<title>T</title>" in text and "plotly" not in text


def test_what_a_frame_lacks_is_a_dash_in_its_table():
    frame = pd.DataFrame({"n": np.array([3, np.nan], object), "x": [np.nan, 0.5], "claim": ["<b>", np.nan], "same": [True, False]})
    text = tables.of_frame("Frame", frame)
    assert "nan" not in text.lower() and text.count(tables.MISSING) == 3
    assert "<td>3</td>" in text and '<td class="text">&lt;b&gt;</td>' in text and '<td class="text">yes</td>' in text


def test_small_firing_rates_are_not_shown_as_zero(context_of):
    text = tables.firing_rates({("trained", 0): np.array([0, 2e-5, 2e-5, 0.123, 1])}, "Rates")
    assert "<td>0.0020%</td>" in text and "<td>6.2%</td>" in text
    assert "<td>–" not in text and ">0.00%" not in text
    assert [tables._rate(rate) for rate in (0, 5e-3, 5.4e-3, 9.7e-3, 9.96e-3, 1, 1e-9)] == ["0%", "0.50%", "0.54%", "0.97%", "1.0%", "100%", "0.00000010%"]
    assert "no firing rates" in training.firing_rates(context_of(without=("all_latents/firing_rate",), layers=1, seeds=1))
