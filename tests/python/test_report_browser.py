"""The report's page in a real browser."""

import re

import h5py
import numpy as np
import pandas as pd
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


#: Names of the figures and tables that do not stand whole and visible on a page 703 pixels wide.
OFF_PAPER = """[...document.querySelectorAll('figure.chart, table')].filter((one) => {
  const part = one.matches('table') ? one : one.querySelector('.plot .main-svg'), box = part && part.getBoundingClientRect();
  const shown = part && part.checkVisibility() && (one.matches('table') || one.querySelector('.scatterlayer .trace path'));
  return !shown || box.width < 100 || box.width > 703 || getComputedStyle(part.parentElement).overflowX === 'auto';
}).map((one) => one.id || one.innerText)"""


@pytest.mark.parametrize("dark", [False, True])
def test_a_printed_page_shows_every_figure_and_table_dark_on_light(made, browser, tmp_path, dark):
    browser.open((made[1] / "index.html").as_uri(), dark=dark)
    browser.wait("document.documentElement.dataset.printable")
    folded = browser.run("document.querySelectorAll('details:not([open])').length")
    assert folded > 0 and browser.run("document.querySelectorAll('figure[data-drawn]').length") < 8, "as the reader has not scrolled"
    browser.pdf(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF") and browser.run("document.querySelectorAll('figure[data-drawn]').length") == 8
    assert browser.run("document.querySelectorAll('details:not([open])').length") == folded
    browser.media("print")
    browser.run("window.dispatchEvent(new Event('beforeprint')); document.body.style.width = '703px'")
    assert browser.run(OFF_PAPER) == [] and browser.run("document.querySelectorAll('details:not([open])').length") == 0
    assert {browser.run(f"getComputedStyle(document.querySelector('{name}')).{colour}") for name, colour in ((".main-svg text", "fill"), ("caption", "color"))} == {MUTED[False]}
    browser.run("window.dispatchEvent(new Event('afterprint'))")
    browser.open((made[1] / "index.html").as_uri(), dark=dark)
    browser.run("window.dispatchEvent(new Event('beforeprint')); window.dispatchEvent(new Event('afterprint'))")
    browser.wait(f"document.querySelector('.main-svg text') && getComputedStyle(document.querySelector('.main-svg text')).fill === '{MUTED[dark]}'")
    assert browser.said == []


def test_a_figure_that_cannot_be_drawn_says_why_and_keeps_no_other_from_paper(made, browser, tmp_path):
    """The data of the first figure is cut short."""
    text = (made[1] / "index.html").read_text()
    (tmp_path / "index.html").write_text(re.sub(r'(id="data-chart-figure2">[^<]{400})[^<]*', r"\1", text))
    browser.open((tmp_path / "index.html").as_uri())
    browser.wait("document.documentElement.dataset.printable")
    browser.run("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.run("document.querySelectorAll('figure[data-drawn]').length") == 7
    assert "cannot be drawn here (" in browser.run("document.querySelector('#chart-figure2 .plot').textContent")


#: Where the marks of each line stand in the first panel of a figure, in the window.
MARKS = """[...document.querySelectorAll('#chart-%s .plot .xy .scatterlayer .trace')].map((trace) =>
  [...trace.querySelectorAll('.points path')].map((point) => { const box = point.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }))"""
SAID = "[...document.querySelectorAll('#chart-%s .hoverlayer text')].map((text) => text.textContent)"


def pointed_at(browser, figure, which=min):
    """Points at the mark furthest left (or right: max) of the first line that has marks; the texts that show."""
    browser.run(f"document.querySelector('#chart-{figure}').scrollIntoView({{behavior: 'instant'}})")
    browser.wait(f"document.querySelector('#chart-{figure}').dataset.drawn")
    browser.hover(*which(next(marks for marks in browser.run(MARKS % figure) if marks)))
    browser.wait(f"{SAID % figure}.length > 0")
    return " ".join(browser.run(SAID % figure))


def test_pointing_at_a_figure_shows_its_values(made, browser):
    browser.open((made[1] / "index.html").as_uri())
    cells = pd.read_csv(made[1] / "tables/cells.csv")
    layer0 = cells[cells["layer"] == 0].groupby("variant")["explained_variance"]
    said = pointed_at(browser, "figure2")
    for variant, label in (("trained", "Trained"), ("control", "Control"), ("step0", "Step-0")):
        low, high = layer0.min()[variant], layer0.max()[variant]
        assert f"{label}: {layer0.mean()[variant]:.3f} ({low:.3f} to {high:.3f}, range of 2 seeds)" in said
    row = pd.read_csv(made[1] / "tables/comparisons.csv").query("variant_a == 'trained' and variant_b == 'step0' and metric == 'explained_variance' and layer == 0").iloc[0]
    said = pointed_at(browser, "differences")
    assert f"Trained − Step-0, layer 0: {row['difference']:.3f}" in said and f"95% interval {row['low']:.3f} to {row['high']:.3f}".replace("-", "−") in said
    latents = pd.read_csv(made[1] / "tables/latents.csv").merge(cells[["variant", "layer"]], left_on="cell", right_index=True)
    one = latents.loc[latents.loc[latents["variant"] == "trained", "token_entropy"].idxmax()]
    said = pointed_at(browser, "entropy", max)
    assert f"layer {one['layer']}, latent {one['index']}: entropy {one['token_entropy']:.2f}, fuzzing AUROC {one['fuzz_auroc']:.3f}" in said
    assert browser.said == []


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
