"""The report of python -m analysis, on made-up results."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from make_results import DONE, FAILED, STARTED, TO_COME, VARIANTS, make_results

import analysis
from analysis.__main__ import main

SECTIONS = ["reading", "figure2", "explained-variance", "curves", "latents", "cells", "failures", "provenance"]


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


def row_of(text, section, row):
    """Texts of the cells of a row of the first table of a section."""
    part = text.split(f'<section id="{section}"')[1].split("</section>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", part.split("<tbody>")[1], flags=re.S)
    return [re.sub(r"<[^>]+>", " ", cell).split() for cell in re.findall(r"<t[hd].*?</t[hd]>", rows[row], flags=re.S)]


def test_command_prints_the_path_of_the_page(tmp_path):
    results = make_results(tmp_path / "results.h5", layers=1, seeds=1, latents=8)
    done = report(results, tmp_path / "report")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}/report/index.html\n", "")


def test_page_has_every_section_with_a_heading_and_three_figures(made):
    page = Page(made[2])
    assert [name for name in page.ids if name in SECTIONS] == SECTIONS
    assert page.tags.count("h1") == 1 and page.tags.count("h2") == len(SECTIONS)
    assert made[2].count('<svg role="img" aria-label="') == page.tags.count("svg") == 3
    assert len(page.ids) == len(set(page.ids))
    assert "60 of 60 cells done" in made[2] and "it is no evidence" in made[2]
    assert "mean something for the trained variant only" in made[2]


def test_page_loads_nothing_from_elsewhere(made):
    page = Page(made[2])
    assert all(value.startswith("#") or value == "data:," for value in page.loads)
    assert {"link", "script", "img"} & set(page.tags) == {"link", "script"}
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest", made[2])
    inner = {value[1:] for value in page.loads if value.startswith("#")}
    assert inner <= set(page.ids)


def test_every_colour_of_the_page_follows_the_theme(made):
    figures = "".join(re.findall(r"<figure>.*?</figure>", made[2], flags=re.S))
    assert set(re.findall(r"#[0-9a-f]{6}\b", figures)) == set()
    used = set(re.findall(r"var\((--[\w-]+)\)", made[2]))
    light, dark = re.findall(r":root \{(.*?)\}", made[2], flags=re.S)
    assert used <= set(re.findall(r"(--[\w-]+):", light)) & set(re.findall(r"(--[\w-]+):", dark))


def test_figures_are_also_files_of_svg(made):
    files = sorted(path.name for path in (made[1] / "figures").iterdir())
    assert files == ["curves.svg", "figure2.svg", "firing_rates.svg"]
    for name in files:
        assert ElementTree.parse(made[1] / "figures" / name).getroot().tag.endswith("svg")


def test_figure2_csv_holds_means_and_ranges_over_seeds(made):
    results, output, _ = made
    table = pd.read_csv(output / "figure2.csv")
    with h5py.File(results) as file:
        cells = pd.DataFrame({name: data[:] for name, data in file["cells"].items()})
    cells["variant"] = cells["variant"].str.decode("utf-8")
    names = ["explained_variance", "cosine_similarity", "mse", "l1", "ce_loss_score", "kl_score", "dead_fraction"]
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
    cells = pd.read_csv(made[1] / "cells.csv")
    assert len(cells) == 60 and set(cells["state"]) == {"done"}
    latents = pd.read_csv(made[1] / "latents.csv")
    assert len(latents) == 60 * 64 and latents["firing_rate"].notna().all()


def test_load_gives_frames_without_padding(made):
    results = analysis.load(made[0])
    with h5py.File(made[0]) as file:
        rates, curve = file["latents/firing_rate"][7, :64], file["curves/loss"][3, :40]
    np.testing.assert_array_equal(results.latents.query("cell == 7")["firing_rate"], rates)
    np.testing.assert_array_equal(results.firing_rates([7]), rates)
    np.testing.assert_array_equal(results.curves.query("cell == 3")["loss"], curve)
    assert results.cells.loc[0, "variant"] == "trained" and results.cells.loc[0, "stage"] == "evaluated"
    assert results.info["sweep_name"] == "quickstart" and results.info["software_hdf5"] == "1.10.8"


def test_a_running_sweep_says_how_much_is_done_and_why_cells_failed(tmp_path):
    states = [DONE] * 17 + [FAILED] + [STARTED] * 2 + [TO_COME] * 40
    results = make_results(tmp_path / "results.h5", latents=32, states=states, failures={17: "loss is <NaN> at step 12"})
    text = page_of(results, tmp_path / "report")
    assert "17 of 60 cells done" in text and ">1 failed</a>" in text and "2 started, 40 to come" in text
    assert "loss is &lt;NaN&gt; at step 12" in text
    table = pd.read_csv(tmp_path / "report/figure2.csv")
    assert set(table["variant"]) == {"trained", "rerandomized_incl"}
    assert row_of(text, "explained-variance", 2)[-1] == ["–"], "a mean over some of the layers is no mean"


def test_columns_that_no_finished_stage_wrote_are_not_read(tmp_path):
    results = make_results(tmp_path / "results.h5", latents=32, states=[DONE, STARTED] + [TO_COME] * 58)
    with h5py.File(results, "r+") as file:
        for name in ("cells/explained_variance", "cells/train_loss", "latents/firing_rate", "curves/loss"):
            file[name][1] = 123
        file["cells/d_in"][1] = 4096
        file["latents/index"][1], file["curves/step"][1] = 0, 1
    read = analysis.load(results)
    assert read.cells.loc[1, ["explained_variance", "train_loss"]].isna().all() and read.cells.loc[1, "d_in"] == -1
    assert set(read.latents["cell"]) == set(read.curves["cell"]) == {0}
    assert read.cells.loc[0, ["explained_variance", "train_loss", "d_in"]].notna().all()


def test_a_sweep_without_any_finished_cell_is_reported(tmp_path):
    text = page_of(make_results(tmp_path / "results.h5", states=[TO_COME] * 60), tmp_path / "report")
    assert "0 of 60 cells done" in text and "No cell is evaluated yet" in text
    assert list((tmp_path / "report/figures").iterdir()) == []


def test_metrics_that_are_nan_everywhere_leave_the_others_alone(tmp_path):
    results = make_results(tmp_path / "results.h5", latents=32)
    with h5py.File(results, "r+") as file:
        file["cells/ce_loss_score"][:] = np.nan
        file["cells/explained_variance"][5] = np.nan
        file["latents/firing_rate"][4] = np.nan
        file["curves/explained_variance"][3] = np.nan
    page_of(results, tmp_path / "report")
    table = pd.read_csv(tmp_path / "report/figure2.csv")
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
    ("latents/firing_rate", "latents/index", "curves/step"),
    ("curves/dead_fraction", "cells/n_latents", "cells/d_in", "cells/tokens_evaluated"),
])  # fmt: skip
def test_missing_columns_do_not_stop_the_report(tmp_path, without):
    text = page_of(make_results(tmp_path / "results.h5", latents=32, without=without), tmp_path / "report")
    assert "60 of 60 cells done" in text


def test_several_models_and_settings_stay_apart(tmp_path):
    results = make_results(tmp_path / "results.h5", models=("a/tiny", "b/tiny"), layers=2, seeds=2, latents=16)
    with h5py.File(results, "r+") as file:
        k = file["cells/k"][:]
        k[1::2] = 32
        file["cells/k"][:] = k
    page_of(results, tmp_path / "report")
    table = pd.read_csv(tmp_path / "report/figure2.csv").query("metric == 'l1'")
    assert len(table) == 2 * 2 * len(VARIANTS) * 2 and set(table["n"]) == {1}
    names = {path.name for path in (tmp_path / "report/figures").iterdir()}
    assert {"figure2-1.svg", "figure2-2.svg", "curves-4.svg", "firing_rates-4.svg"} <= names


@pytest.mark.parametrize("attribute, value, words", [
    ("filetype", "openmc", ["filetype", "'openmc'", "saesweep-results"]),
    ("version", 99, ["version 99", "version 2"]),
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


CLICKS = """<script>
const firsts = [];
function rows() { return Array.from(document.querySelectorAll("#cells-table tbody tr")).filter((row) => !row.hidden); }
function column(i) { return rows().map((row) => row.cells[i].dataset.value || "nan").join(" "); }
const buttons = Array.from(document.querySelectorAll("#cells-table th button"));
const at = buttons.findIndex((button) => button.title === "%s");
function note(id, text) { const p = document.createElement("pre"); p.id = id; p.textContent = text; document.body.append(p); }
buttons[at].click(); note("up", column(at));
buttons[at].click(); note("down", column(at));
const filter = document.getElementById("filter");
filter.value = "STEP0 done"; filter.dispatchEvent(new Event("input")); note("kept", rows().map((row) => row.cells[0].innerText).join(" "));
</script>"""


@pytest.mark.parametrize("column", ["explained_variance", "ce_loss_score"])
def test_page_runs_in_a_browser_where_the_table_sorts_and_filters(made, chromium, tmp_path, column):
    (tmp_path / "page.html").write_text(made[2].replace("</body>", CLICKS % column + "</body>"))
    dom, console = chromium(tmp_path / "page.html")
    assert console == ""
    noted = dict(re.findall(r'<pre id="(up|down|kept)">(.*?)</pre>', dom, flags=re.S))
    with h5py.File(made[0]) as file:
        values = file[f"cells/{column}"][:]
    known, missing = np.sort(values[~np.isnan(values)]), [np.nan] * np.isnan(values).sum()
    np.testing.assert_allclose([float(x) for x in noted["up"].split()], [*known, *missing])
    np.testing.assert_allclose([float(x) for x in noted["down"].split()], [*known[::-1], *missing])
    assert re.findall(r"\w+", noted["kept"]) == ["step0"] * 12
