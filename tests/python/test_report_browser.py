"""The report's page in a real browser."""

import h5py
import numpy as np
import pytest
from browser import Browser, program
from make_results import make_results

from analysis.__main__ import main

pytestmark = pytest.mark.skipif(program() is None, reason="no chromium on this machine; Debian's package `chromium` has it")
#: Of the numbers on the axes: --muted of the style sheet.
MUTED = {False: "rgb(90, 98, 108)", True: "rgb(160, 168, 178)"}
COLUMN = """(() => {
  const at = Array.from(document.querySelectorAll("#cells-table th button")).findIndex((button) => button.title === "%s");
  if (%s) document.querySelectorAll("#cells-table th button")[at].click();
  return Array.from(document.querySelectorAll("#cells-table tbody tr")).map((row) => row.cells[at].dataset.value);
})()"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    results = make_results(folder / "results.h5", layers=3, latents=32, scored=8)
    assert main(["report", str(results), "-o", str(folder / "report")]) == 0
    return results, folder / "report"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_is_drawn_in_the_colours_of_the_theme_without_an_error(made, browser, dark):
    browser.open((made[1] / "index.html").as_uri(), dark=dark)
    charts = browser.run("document.querySelectorAll('figure.chart').length")
    browser.run("saesweep.drawAll().then(() => 1)")
    # A figure counts that has a line or a point.
    assert charts == 8 == browser.run("Array.from(document.querySelectorAll('figure.chart')).filter((f) => f.querySelector('.main-svg .scatterlayer .trace path')).length")
    assert browser.run("getComputedStyle(document.querySelector('.main-svg text')).fill") == MUTED[dark]
    assert browser.said == []


def test_figures_are_drawn_when_they_come_near(made, browser):
    browser.open((made[1] / "index.html").as_uri())
    browser.wait("document.querySelector('#chart-figure2').dataset.drawn")
    assert not browser.run("document.querySelector('#chart-firing_rates').dataset.drawn")
    browser.run("document.querySelector('#chart-firing_rates').scrollIntoView({behavior: 'instant'})")
    browser.wait("document.querySelector('#chart-firing_rates').dataset.drawn")
    assert browser.said == []


def test_a_click_on_the_legend_hides_a_variant(made, browser):
    browser.open((made[1] / "index.html").as_uri())
    browser.wait("document.querySelector('#chart-figure2').dataset.drawn")
    shown = "document.querySelector('#chart-figure2 .plot').data.filter((trace) => trace.meta === 'control' && trace.visible !== false).length"
    assert browser.run(shown) > 0
    browser.run("document.querySelector('#chart-figure2 button[data-variant=control]').click()")
    browser.wait(f"{shown} === 0")
    assert browser.run("document.querySelector('#chart-figure2 button[data-variant=control]').getAttribute('aria-pressed')") == "false"


@pytest.mark.parametrize("column", ["explained_variance", "ce_loss_score"])
def test_the_table_of_cells_sorts_and_filters(made, browser, column):
    browser.open((made[1] / "index.html").as_uri())
    with h5py.File(made[0]) as file:
        values = file[f"cells/{column}"][:]
    known, missing = np.sort(values[~np.isnan(values)]), [np.nan] * int(np.isnan(values).sum())
    for expected in ([*known, *missing], [*known[::-1], *missing]):
        np.testing.assert_allclose([float(x or "nan") for x in browser.run(COLUMN % (column, "true"))], expected)
    browser.run("(() => { const filter = document.getElementById('filter'); filter.value = 'STEP0 done'; filter.dispatchEvent(new Event('input')); })()")
    kept = browser.run("Array.from(document.querySelectorAll('#cells-table tbody tr')).filter((row) => !row.hidden).map((row) => row.cells[0].innerText)")
    assert len(kept) == 6 and all("step0" in text for text in kept)
