"""The report of python -m analysis, on made-up results."""

import base64
import errno
import gzip
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import Mock
from xml.etree import ElementTree

import h5py
import numpy as np
import pandas as pd
import plotly.graph_objects
import pytest
from conftest import ROOT
from make_results import DONE, FAILED, HARVESTED, STARTED, TO_COME, VARIANTS, make_results
from scipy import stats
from sklearn.metrics import roc_auc_score, roc_curve

import analysis
from analysis import inference, scores
from analysis.__main__ import main
from analysis.drafts import drafted
from analysis.metrics import METRICS

SECTIONS = ["answer", "figure2", "roc", "differences", "seeds", "entropy", "nulls", "latent-dashboards", "explained-variance", "curves", "firing-rates", "cells", "failures", "provenance"]
FIGURES = ["curves", "differences", "entropy", "figure2", "firing_rates", "roc_detection", "roc_fuzz", "seeds"]
TABLES = ["answers", "cells", "comparisons", "entropy_correlations", "explained_variance", "figure2", "firing_rates", "means", "scores"]


def report(results, output):
    return subprocess.run(
        [sys.executable, "-m", "analysis", "report", str(results), "-o", str(output)], cwd=ROOT, capture_output=True, text=True
    )


def page_of(results, output):
    assert main(["report", str(results), "-o", str(output)]) == 0
    return (output / "index.html").read_text()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    results = make_results(folder / "results.h5", latents=64)
    return results, folder / "report", page_of(results, folder / "report")


class Page(HTMLParser):
    """Ids, headings and every attribute that makes a browser load something."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.loads, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "srcset", "href", "xlink:href", "data", "action", "poster"):
                self.loads.append(value)


def chart_of(text, name):
    """Data and layout of a chart in the page."""
    packed = re.search(rf'id="data-chart-{name}">([^<]*)<', text).group(1)
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def row_of(text, section, row):
    """Texts of the cells of a row of the first table of a section."""
    part = text.split(f'<section id="{section}"')[1].split("</section>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", part.split("<tbody>")[1], flags=re.S)
    return [re.sub(r"<[^>]+>", " ", cell).split() for cell in re.findall(r"<t[hd].*?</t[hd]>", rows[row], flags=re.S)]


def test_command_prints_the_path_of_the_page(tmp_path):
    results = make_results(tmp_path / "results.h5", layers=1, seeds=1, latents=8)
    done = report(results, tmp_path / "report")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}/report/index.html\n", "")


def test_page_has_every_section_with_a_heading_and_its_figures(made):
    page = Page(made[2])
    assert [name for name in page.ids if name in SECTIONS] == SECTIONS
    assert page.tags.count("h1") == 1 and page.tags.count("h2") == len(SECTIONS)
    assert re.findall(r'data-chart="(\w+)"', made[2]) == sorted(FIGURES, key=lambda name: made[2].index(f'data-chart="{name}"'))
    assert len(re.findall(r'class="plot" role="img" aria-label="[^"]{30,}"', made[2])) == page.tags.count("figcaption") == len(FIGURES)
    assert len(page.ids) == len(set(page.ids))
    assert "60 of 60 cells done" in made[2] and "it is no evidence" in made[2]
    assert "mean something for the trained variant only" in made[2]


def test_every_metric_that_the_answer_may_name_stands_in_the_table_that_is_not_folded(made):
    part = made[2].split('<section id="differences"')[1].split("</section>")[0].split("<details>")[0]
    named = [metric.label for metric in METRICS if metric.name in inference.SEPARATING and metric.name != "simulation_correlation"]
    assert len(named) == 8 and all(f">{label}</th>" in part for label in named)


def test_page_loads_nothing_from_elsewhere(made):
    page = Page(made[2])
    files = [value for value in page.loads if not value.startswith("#") and value != "data:,"]
    assert files and all((made[1] / value).is_file() for value in files), "links to the files of the report"
    assert {"link", "script", "img"} & set(page.tags) == {"link", "script"} and "src" not in re.findall(r"<script[^>]*?(\w+)=", made[2])
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest", made[2])
    inner = {value[1:] for value in page.loads if value.startswith("#")}
    assert inner <= set(page.ids)


def test_every_colour_of_the_page_follows_the_theme(made):
    figures = "".join(re.findall(r"<figure.*?</figure>", made[2], flags=re.S))
    charts = [chart_of(made[2], name) for name in FIGURES]
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b", figures + json.dumps(charts))) == set()
    css = (ROOT / "analysis/templates/report.css").read_text()
    used = set(re.findall(r"var\((--[\w-]+)\)", figures + css)) | set(re.findall(r'"(--[\w-]+)', json.dumps(charts)))
    light, dark = re.findall(r":root \{(.*?)\}", css, flags=re.S)
    assert used <= set(re.findall(r"(--[\w-]+):", light)) & set(re.findall(r"(--[\w-]+):", dark))


def test_figures_are_also_files_of_svg_and_pdf_and_tables_of_csv_and_latex(made):
    assert sorted(path.name for path in (made[1] / "figures").iterdir()) == sorted(f"{name}.{kind}" for name in FIGURES for kind in ("svg", "pdf"))
    for name in FIGURES:
        assert ElementTree.parse(made[1] / f"figures/{name}.svg").getroot().tag.endswith("svg")
        assert (made[1] / f"figures/{name}.pdf").read_bytes().startswith(b"%PDF")
    files = {path.name for path in (made[1] / "tables").iterdir()}
    assert files == {f"{name}.{kind}" for name in TABLES for kind in ("csv", "tex")} | {"all_latents.csv", "latents.csv"}


def test_plotly_takes_every_chart_of_the_page(made):
    for name in FIGURES:
        chart = chart_of(made[2], name)
        text = re.sub(r'"--[\w-]+(/[\d.]+)?"', '"rgb(1,2,3)"', json.dumps(chart))
        figure = plotly.graph_objects.Figure(json.loads(text))
        assert len(figure.data) >= 5 and any(len(trace.x) for trace in figure.data)


def test_page_and_file_draw_the_same_numbers(made):
    """The trained line of explained variance: in the page's chart, in the SVG (in its points' spacing), and in the results."""
    chart = chart_of(made[2], "figure2")
    line = next(trace for trace in chart["data"] if trace["meta"] == "trained" and trace["mode"] == "lines+markers")
    with h5py.File(made[0]) as file:
        means = file["cells/explained_variance"][:12].reshape(6, 2).mean(axis=1)
    np.testing.assert_allclose(line["y"], means, rtol=1e-5)
    svg = (made[1] / "figures/figure2.svg").read_text()
    paths = [np.array(re.findall(r"[ML] ([\d.]+) ([\d.]+)", d), float) for d in re.findall(r'<path d="([^"]*)" clip-path[^>]*style="fill: none; stroke: #7c7f84', svg)]
    heights = next(path[:, 1] for path in paths if len(path) == 6)
    np.testing.assert_allclose(np.corrcoef(heights, means)[0, 1], -1, atol=1e-6)


def test_figure2_csv_holds_means_and_ranges_over_seeds(made):
    results, output, _ = made
    table = pd.read_csv(output / "tables/figure2.csv")
    with h5py.File(results) as file:
        cells = pd.DataFrame({name: data[:] for name, data in file["cells"].items()})
    cells["variant"] = cells["variant"].str.decode("utf-8")
    names = ["explained_variance", "cosine_similarity", "mse", "l1", "ce_loss_score", "kl_score", "dead_fraction", "fuzz_auroc", "fuzz_auroc_null",
             "detection_auroc", "token_entropy", "qualifying_share"]  # fmt: skip
    assert set(names) <= set(table["metric"])
    for row in table[table["metric"].isin(names)].itertuples():
        values = cells.loc[(cells["variant"] == row.variant) & (cells["layer"] == row.layer), row.metric].to_numpy()
        known = values[~np.isnan(values)]
        assert row.n == len(known)
        if row.n:
            expected = [known.sum() / len(known), known.min(), known.max()]
            np.testing.assert_allclose([row.mean, row.min, row.max], expected, rtol=1e-12)
        else:
            assert np.isnan([row.mean, row.min, row.max]).all()
    assert len(table[table["metric"] == "l1"]) == 5 * 6


def test_shards_are_reported_as_the_merged_file_is(tmp_path):
    """Rows of the sweep by turns in three files, given in another order."""
    small = dict(layers=2, seeds=2, latents=16, scored=6)
    shards = [make_results(tmp_path / f"{i}.h5", rows=range(i, 20, 3), **small) for i in range(3)]
    whole = page_of(make_results(tmp_path / "whole.h5", **small), tmp_path / "whole")
    assert main(["report", *(str(shards[i]) for i in (1, 2, 0)), "-o", str(tmp_path / "apart")]) == 0
    apart = (tmp_path / "apart/index.html").read_text()
    assert "results files</th>" in apart and "20 of 20 cells done" in apart
    pages = [re.sub(r'<section id="provenance".*?</section>|Report made [^.]*', "", page, flags=re.S) for page in (apart, whole)]
    assert pages[0] == pages[1], "figures' data, tables and texts"
    names = {path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").glob("*/*")}
    assert len(names) > 20 + 2 * len(FIGURES) + 2 * len(TABLES) and names == {path.relative_to(tmp_path / "apart") for path in (tmp_path / "apart").glob("*/*")}
    assert [name for name in names if (tmp_path / "whole" / name).read_bytes() != (tmp_path / "apart" / name).read_bytes()] == []


def test_table_shows_explained_variance_of_both_texts(made):
    results, _, text = made
    with h5py.File(results) as file:
        held_out, training = (file[f"cells/explained_variance{end}"][:] for end in ("", "_train"))
    trained_first_layer = row_of(text, "explained-variance", 0)
    assert trained_first_layer[0] == ["●", "Trained"] and trained_first_layer[1] == ["held-out"]
    assert trained_first_layer[2][0] == f"{held_out[:2].mean():.3f}"
    assert trained_first_layer[-1] == [f"{held_out[:12].mean():.3f}"]
    assert row_of(text, "explained-variance", 1)[1][0] == f"{training[:2].mean():.3f}"


def test_tables_as_csv_have_a_row_for_each_cell_and_latent(made):
    cells = pd.read_csv(made[1] / "tables/cells.csv")
    assert len(cells) == 60 and set(cells["state"]) == {"done"}
    every = pd.read_csv(made[1] / "tables/all_latents.csv")
    assert len(every) == 60 * 64 and every["firing_rate"].notna().all()
    latents = pd.read_csv(made[1] / "tables/latents.csv")
    assert len(latents) == 60 * 19 and latents["explanation"].notna().all()


def test_load_gives_frames_without_padding(made):
    results = analysis.load(made[0])
    with h5py.File(made[0]) as file:
        rates, curve = file["all_latents/firing_rate"][7, :64], file["curves/loss"][3, :40]
        index, aurocs = file["latents/index"][7, :19], file["latents/fuzz_auroc"][7, :19]
    np.testing.assert_array_equal(results.all_latents.query("cell == 7")["firing_rate"], rates)
    np.testing.assert_array_equal(results.latents.query("cell == 7")["index"], index)
    np.testing.assert_array_equal(results.latents.query("cell == 7")["fuzz_auroc"], aurocs)
    np.testing.assert_array_equal(results.firing_rates([7]), rates)
    np.testing.assert_array_equal(results.curves.query("cell == 3")["loss"], curve)
    assert results.cells.loc[0, "variant"] == "trained" and results.cells.loc[0, "stage"] == "scored"
    assert results.info["sweep_name"] == "quickstart" and results.info["software_hdf5"] == "1.10.8"


def test_a_running_sweep_says_how_much_is_done_and_why_cells_failed(tmp_path):
    states = [DONE] * 17 + [FAILED] + [STARTED] * 2 + [TO_COME] * 40
    results = make_results(tmp_path / "results.h5", latents=16, scored=4, states=states, failures={17: "loss is <NaN> at step 12"})
    text = page_of(results, tmp_path / "report")
    assert "17 of 60 cells done" in text and ">1 failed</a>" in text and "2 started, 40 to come" in text
    assert "loss is &lt;NaN&gt; at step 12" in text
    table = pd.read_csv(tmp_path / "report/tables/figure2.csv")
    assert set(table["variant"]) == {"trained", "rerandomized_incl"}
    assert row_of(text, "explained-variance", 2)[-1] == ["–"], "a mean over some of the layers is no mean"


def test_columns_that_no_finished_stage_wrote_are_not_read(tmp_path):
    results = make_results(tmp_path / "results.h5", latents=32, states=[DONE, STARTED] + [TO_COME] * 58)
    with h5py.File(results, "r+") as file:
        for name in ("cells/explained_variance", "cells/train_loss", "all_latents/firing_rate", "curves/loss", "cells/fuzz_auroc", "latents/fuzz_auroc"):
            file[name][1] = 123
        file["cells/d_in"][1] = 4096
        file["latents/index"][1], file["latents/status"][1], file["curves/step"][1] = 0, 2, 1
        file["predictions/fuzz_probability"][1], file["predictions/fuzz_truth"][1] = 0.5, 1
        file["cells/stage"][2], file["cells/state"][2] = HARVESTED, STARTED
        file["latents/index"][2], file["latents/status"][2], file["latents/fuzz_auroc"][2] = 0, 2, 0.9
    read = analysis.load(results)
    assert read.cells.loc[1, ["explained_variance", "train_loss"]].isna().all() and read.cells.loc[1, "d_in"] == -1
    assert set(read.all_latents["cell"]) == {0} and set(read.curves["cell"]) == {0}
    assert np.isnan(read.cells.loc[1, "fuzz_auroc"]) and np.isnan(read.cells.loc[2, "fuzz_auroc"])
    assert set(read.latents["cell"]) == {0, 2} and read.latents.query("cell == 2")["fuzz_auroc"].isna().all()
    assert read.cells["scored"].sum() == 1
    assert read.cells.loc[0, ["explained_variance", "train_loss", "d_in"]].notna().all()


def test_a_sweep_without_any_finished_cell_is_reported(tmp_path):
    text = page_of(make_results(tmp_path / "results.h5", states=[TO_COME] * 60), tmp_path / "report")
    assert "0 of 60 cells done" in text and "No cell is evaluated yet" in text
    assert not (tmp_path / "report/latents").exists()
    assert not (tmp_path / "report/figures").exists()


def test_metrics_that_are_nan_everywhere_leave_the_others_alone(tmp_path):
    results = make_results(tmp_path / "results.h5", layers=3, latents=16, scored=3)
    with h5py.File(results, "r+") as file:
        file["cells/ce_loss_score"][:] = np.nan
        file["cells/explained_variance"][5] = np.nan
        file["all_latents/firing_rate"][4] = np.nan
        file["curves/explained_variance"][3] = np.nan
    page_of(results, tmp_path / "report")
    table = pd.read_csv(tmp_path / "report/tables/figure2.csv")
    assert "ce_loss_score" not in set(table["metric"])
    trained = table.query("metric == 'explained_variance' and variant == 'trained'").set_index("layer")
    assert trained.loc[2, "n"] == 1 and trained.loc[2, "mean"] == trained.loc[2, "min"] > 0


def test_cells_without_any_number_are_reported(tmp_path):
    results = make_results(tmp_path / "results.h5", latents=8, seeds=1)
    with h5py.File(results, "r+") as file:
        for group in file.values():
            for data in group.values():
                if data.dtype.kind == "f":
                    data[...] = np.nan
    text = page_of(results, tmp_path / "report")
    assert all(f"The file holds no {what} of these cells" in text for what in ("metrics", "training curves", "firing rates"))


@pytest.mark.parametrize("without", [
    ("cells/explained_variance_train", "cells/l1", "cells/host", "cells/failure"),
    ("all_latents/firing_rate", "latents/index", "curves/step"),
    ("latents/status", "latents/explanation", "latents/peak_quantiles", "examples/kind", "predictions/fuzz_truth", "vocabularies/token"),
    ("predictions/detection_probability", "latents/token_entropy", "cells/fuzz_auroc", "cells/n_judged", "latents/fuzz_auroc_null"),
    ("curves/dead_fraction", "cells/n_latents", "cells/d_in", "cells/tokens_evaluated"),
])  # fmt: skip
def test_missing_columns_do_not_stop_the_report(tmp_path, without):
    text = page_of(make_results(tmp_path / "results.h5", layers=1, seeds=1, latents=16, scored=4, without=without), tmp_path / "report")
    assert "5 of 5 cells done" in text


def test_several_models_and_settings_stay_apart(tmp_path):
    results = make_results(tmp_path / "results.h5", models=("a/tiny", "b/tiny"), layers=2, seeds=2, latents=16, scored=3)
    with h5py.File(results, "r+") as file:
        k = file["cells/k"][:]
        k[1::2] = 32
        file["cells/k"][:] = k
    page_of(results, tmp_path / "report")
    table = pd.read_csv(tmp_path / "report/tables/figure2.csv").query("metric == 'l1'")
    assert len(table) == 2 * 2 * len(VARIANTS) * 2 and set(table["n"]) == {1}
    names = {path.name for path in (tmp_path / "report/figures").iterdir()}
    assert {"figure2-1.svg", "figure2-2.svg", "curves-4.svg", "firing_rates-4.svg", "settings-1.svg", "settings-2.svg", "by_sparsity.svg"} <= names
    by_k = pd.read_csv(tmp_path / "report/tables/by_sparsity.csv")
    with h5py.File(results) as file:
        expected = file["cells/explained_variance"][:4][1::2].mean()
    row = by_k.query("model == 'a/tiny' and variant == 'trained' and sparsity == 'k = 32' and metric == 'explained_variance'").iloc[0]
    assert row["mean"] == pytest.approx(expected, rel=1e-12) and row["n"] == 2


@pytest.mark.parametrize("attribute, value, words", [
    ("filetype", "openmc", ["filetype", "'openmc'", "saesweep-results"]),
    ("version", 99, ["version 99", "version 5"]),
])  # fmt: skip
def test_other_hdf5_files_and_versions_are_refused(tmp_path, attribute, value, words):
    results = make_results(tmp_path / "results.h5", layers=1, latents=8)
    with h5py.File(results, "r+") as file:
        file.attrs[attribute] = value
    refused(results, tmp_path, words)


def test_files_that_are_no_results_are_refused(tmp_path):
    (tmp_path / "notes.h5").write_text("not HDF5\n")
    refused(tmp_path / "notes.h5", tmp_path, ["notes.h5", "not an HDF5 file"])
    refused(tmp_path / "absent.h5", tmp_path, ["absent.h5", "no such file"])
    results = make_results(tmp_path / "results.h5", layers=1, latents=8, without=("cells/id",))
    refused(results, tmp_path, ["results.h5", "/cells/id"])


def refused(results, folder, words):
    done = report(results, folder / "report")
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and all(word in done.stderr for word in words), done.stderr
    assert not (folder / "report").exists()


@pytest.mark.parametrize(("command", "last"), [("report", "analysis.report.page"), ("compare", "analysis.comparison.page.page")])
def test_what_is_refused_midway_leaves_an_earlier_page_as_it_was(tmp_path, monkeypatch, command, last):
    results = make_results(tmp_path / "results.h5", layers=1, seeds=2, latents=16, scored=4)
    arguments = [command, *[str(results)] * (1 + (command == "compare")), "-o", str(tmp_path / "out")]
    assert main(arguments) == 0
    earlier = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    monkeypatch.setattr(last, Mock(side_effect=analysis.ResultsError("results.h5: damaged")))
    assert main(arguments) == 2 and main([*arguments[:-1], str(tmp_path / "new")]) == 2
    assert earlier == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert not (tmp_path / "out/.unfinished").exists() and not (tmp_path / "new").exists()


def test_two_pages_are_not_drawn_into_one_folder_at_once(tmp_path, capsys):
    results = str(make_results(tmp_path / "results.h5", layers=1, seeds=1, latents=8, scored=0))
    with drafted(tmp_path / "out", []) as draft:
        assert main(["report", results, "-o", str(tmp_path / "out")]) == 2
        assert "another process draws a page there" in capsys.readouterr().err
        (draft / "index.html").write_text("whole")
    assert (tmp_path / "out/index.html").read_text() == "whole"


def test_a_folder_of_the_page_may_be_a_link_to_another_file_system(tmp_path, monkeypatch):
    def replace(path, target):
        if path.parent.parent.name == ".unfinished":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return os.rename(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    with drafted(tmp_path, []) as draft:
        (draft / "tables").mkdir()
        (draft / "tables/cells.csv").write_text("whole")
    assert [path.name for path in (tmp_path / "tables").iterdir()] == ["cells.csv"]


@pytest.mark.parametrize("command", ["report", "export", "compare"])
def test_a_folder_that_cannot_be_written_is_named_with_what_to_do(tmp_path, capsys, command):
    results = str(make_results(tmp_path / "results.h5", layers=1, seeds=1, latents=8, scored=2))
    for output, why in ((tmp_path / "results.h5", "File exists"), (tmp_path / "results.h5/report", "Not a directory")):
        assert main([command, *[results] * (1 + (command == "compare")), "-o", str(output)]) == 2
        assert capsys.readouterr().err == f"python -m analysis: {output}: cannot be written ({why}); give another folder with -o, one that can be written and has room\n"


def test_a_sweep_without_explanations_says_so_and_keeps_no_page_of_an_older_report(tmp_path):
    for folder in ("latents", "tables", "figures"):
        (tmp_path / "report" / folder).mkdir(parents=True)
    earlier = ("latents/another.html", "tables/latents.csv", "tables/scores.tex", "figures/roc_fuzz.pdf")
    for name in (*earlier, "figures/of_the_user.pdf"):
        (tmp_path / "report" / name).write_text("of another run")
    (tmp_path / "report/.files").write_text("\n".join(earlier) + "\n")
    text = page_of(make_results(tmp_path / "results.h5", layers=2, latents=16, scored=0), tmp_path / "report")
    assert "This sweep asks for no explanations" in text and "latents/" not in text
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"index.html", "figures", "tables", ".files"}
    assert (tmp_path / "report/figures/of_the_user.pdf").is_file()
    assert not {"latents.csv", "scores.tex", "roc_fuzz.pdf"} & {path.name for path in (tmp_path / "report").glob("*/*")}
    assert not {"fuzz_auroc", "token_entropy", "qualifying_share"} & set(pd.read_csv(tmp_path / "report/tables/figure2.csv")["metric"])


def test_roc_curves_are_those_of_scikit_learn_with_ties(made):
    results = analysis.load(made[0])
    rng = np.random.default_rng(3)
    cases = [results.predictions("fuzz", [0, 1]), results.predictions("detection", [59], 4), (np.full(9, 0.5), np.arange(9) % 2)]
    cases += [(np.round(rng.uniform(size=n), 1), rng.integers(0, 2, n)) for n in (5, 50, 500)]
    for probability, truth in cases:
        false_rate, true_rate = scores.roc(probability, truth)
        expected = roc_curve(truth, probability, drop_intermediate=False)
        np.testing.assert_allclose(false_rate, expected[0])
        np.testing.assert_allclose(true_rate, expected[1])
        assert scores.area(false_rate, true_rate) == pytest.approx(roc_auc_score(truth, probability), abs=1e-12)
        # Each step that is left out moves right and up by less than ROC_STEP, so it changes the area by less than that.
        assert scores.area(*scores.thinned(false_rate, true_rate)) == pytest.approx(roc_auc_score(truth, probability), abs=scores.ROC_STEP)
    assert all(len(rates) == 0 for rates in scores.roc(np.array([0.5, 0.6]), np.array([1, 1])))


def test_predictions_are_those_that_the_judge_answered(made):
    probability, truth = analysis.load(made[0]).predictions("detection", [12, 30])
    with h5py.File(made[0]) as file:
        asked = np.concatenate([file["predictions/detection_probability"][row].ravel() for row in (12, 30)])
        right = np.concatenate([file["predictions/detection_truth"][row].ravel() for row in (12, 30)])
    np.testing.assert_array_equal(probability, asked[~np.isnan(asked)])
    np.testing.assert_array_equal(truth, right[~np.isnan(asked)])
    assert set(truth) == {0, 1} and len(truth) < 2 * 19 * 40


def test_table_of_scores_has_the_interval_of_a_t_test_over_seeds(made):
    results, output, text = made
    with h5py.File(results) as file:
        score, null = file["cells/fuzz_auroc"][:12], file["cells/fuzz_auroc_null"][:12]
    seeds = (score - null).reshape(6, 2).mean(0)  # the seeds run fastest
    low, high = stats.ttest_1samp(seeds, 0).confidence_interval(0.95)
    row = pd.read_csv(output / "tables/scores.csv").query("variant == 'trained' and score == 'fuzz_auroc'").iloc[0]
    np.testing.assert_allclose(row[["mean", "null", "difference", "low", "high"]].astype(float), [score.mean(), null.mean(), (score - null).mean(), low, high], rtol=1e-5)
    assert row["n_seeds"] == 2 and row["n_cells"] == 12
    shown = row_of(text, "nulls", 0)
    assert shown[0] == ["●", "Trained"] and shown[1:5] == [["fuzzing"], [f"{score.mean():.3f}"], [f"{null.mean():.3f}"], [f"{(score - null).mean():.3f}"]]
    assert shown[5] == [f"{low:.3f}", "to", f"{high:.3f}"] and shown[6:] == [["2"], ["12"]]
    control = row_of(text, "nulls", 8)
    assert control[0] == ["✖", "Control"] and control[5][0].startswith("−") and not control[5][2].startswith("−")


def test_scores_of_a_single_seed_have_no_interval(tmp_path):
    text = page_of(make_results(tmp_path / "results.h5", layers=1, seeds=1, latents=16, scored=4), tmp_path / "report")
    shown = row_of(text, "nulls", 0)
    assert shown[5:] == [["–"], ["1"], ["1"]] and shown[4] != ["–"]


def test_null_and_chance_stand_in_the_panels_of_scores(made):
    """Dotted lines: a null for each variant and chance, in each of the two panels."""
    dotted = [trace for trace in chart_of(made[2], "figure2")["data"] if trace.get("line", {}).get("dash") == "dot"]
    assert len(dotted) == 2 * (len(VARIANTS) + 1) and all(trace["mode"] == "lines" for trace in dotted)


def test_margins_and_level_are_settable_and_checked(tmp_path, capsys):
    results = make_results(tmp_path / "results.h5", layers=1, latents=8, scored=0)
    assert main(["report", str(results), "-o", str(tmp_path / "report"), "--margin", "l1=5", "--level", "0.9"]) == 0
    rows = pd.read_csv(tmp_path / "report/tables/comparisons.csv").groupby("metric")["margin"].first()
    assert rows["l1"] == 5 and rows["explained_variance"] == 0.05 and "90% interval" in (tmp_path / "report/index.html").read_text()
    for flags in (["--margin", "l1=0"], ["--margin", "beauty=1"], ["--level", "95"]):
        with pytest.raises(SystemExit) as stopped:
            main(["report", str(results), "-o", str(tmp_path / "report"), *flags])
        assert stopped.value.code == 2


def test_init_seeds_where_there_are_several_give_the_interval_of_a_score_above_its_null():
    rng = np.random.default_rng(0)
    grid = pd.MultiIndex.from_product([range(3), range(2), range(4)], names=["init_seed", "sae_seed", "layer"])
    cells = grid.to_frame(index=False).assign(
        model="m", variant="control", hookpoint=[f"layers.{layer}" for _, _, layer in grid], architecture="topk", expansion_factor=16,
        k=16, penalty=np.nan, tokens=1000, fuzz_auroc=rng.uniform(0.6, 0.8, 24), fuzz_auroc_null=rng.uniform(0.4, 0.6, 24),
        detection_auroc=np.nan, detection_auroc_null=np.nan, simulation_correlation=np.nan, simulation_correlation_null=np.nan,
    )  # fmt: skip
    cells.loc[(cells["init_seed"] == 0) & (cells["layer"] == 3), "fuzz_auroc"] = np.nan
    (row,) = scores.above_null(cells).itertuples()
    common = cells[cells["layer"] < 3]
    seeds = (common["fuzz_auroc"] - common["fuzz_auroc_null"]).groupby(common["init_seed"]).mean()
    low, high = stats.ttest_1samp(seeds, 0).confidence_interval(0.95)
    assert (row.n_seeds, row.n_cells) == (3, 18)
    np.testing.assert_allclose((row.difference, row.low, row.high), (seeds.mean(), low, high))
