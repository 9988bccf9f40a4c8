"""The latents' part of the report: records against the file, and lists and dashboards in a real browser."""

import base64
import gzip
import json
import re
import shutil

import h5py
import numpy as np
import pytest
from browser import Browser, program
from make_results import EXAMPLES, HARVESTED, STARTED, TOP, WORDS, make_results
from sklearn.metrics import auc, roc_auc_score

import analysis
from analysis.latents import latents_section
from analysis.latents.data import Most, Window, dashboards
from analysis.latents.encode import encoded_dashboards, significant
from analysis.latents.index import build_index, drawn
from analysis.frame import TEMPLATES
from analysis.report import write_report

ALL = Most(100, 100, 100)
HOSTILE = "<img src=x onerror=\"window.hit=1\"></q></script><script>window.hit=1</script>"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The last window of each latent is silent, the one before it also stands among those of the highest peaks."""
    path = make_results(tmp_path_factory.mktemp("results") / "results.h5", layers=2, seeds=2, latents=512)
    with h5py.File(path, "r+") as file:
        has = file["latents/index"][:] >= 0
        file["examples/kind"][:, :, -1] = np.where(has, 2, -1)
        file["examples/activation"][:, :, -1] = np.where(has, 0, np.nan)[..., None]
        file["examples/row"][:, :, -2] = file["examples/row"][:, :, 3]
        file["latents/null_of"] = np.where(has, (np.arange(has.shape[1]) + 5) % (has.shape[1] - 1), -1)
        file["latents/null_of"].attrs["stage"] = 4
        file["latents/token_entropy_mm"] = file["latents/token_entropy"][:] + 0.1
        file["latents/token_entropy_mm"].attrs["stage"] = HARVESTED
    return path


@pytest.fixture(scope="module")
def report(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(analysis.load(results), folder)
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if program() is None:
        pytest.skip("no chromium on this machine; Debian's package `chromium` has it")
    with Browser(tmp_path_factory.mktemp("chromium")) as one:
        yield one


def bare(results, folder):
    """A page of the section alone, and the section."""
    folder.mkdir(parents=True, exist_ok=True)
    read = analysis.load(results)
    section = latents_section(read, read.cells, folder)
    css, embed = (TEMPLATES / "report.css").read_text(), (TEMPLATES / "embed.js").read_text()
    head = f'<meta charset="utf-8"><link rel="icon" href="data:,"><style>{css}</style><script>{embed}</script>'
    (folder / "index.html").write_text(f"<!doctype html><html><head>{head}</head><body>{section}</body></html>")
    return section


def unpacked(text, name):
    packed = re.search(rf'<script type="text/plain" id="data-{name}">(.*?)</script>', text, flags=re.S).group(1)
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def test_every_page_names_the_table_of_latents_where_it_lies(report):
    pages = [report / "index.html", *(report / "latents").glob("*.html")]
    assert len(pages) == 21
    for page in pages:
        (named,) = re.findall("<code>([^<]*latents.csv)</code> has it", page.read_text())
        assert (page.parent / named).resolve() == (report / "tables/latents.csv").resolve()


def test_explanations_of_the_lexical_judge_come_with_a_word_on_how_to_read_them(results, tmp_path):
    assert "explanation of the lexical judge" in bare(results, tmp_path / "lexical")
    other = tmp_path / "r.h5"
    shutil.copy(results, other)
    with h5py.File(other, "r+") as file:
        file["cells/judge"][:] = np.where(file["cells/judge"][:] == b"lexical", b"openai some", b"")
    assert "lexical judge" not in bare(other, tmp_path / "openai")


def opened(browser, page, fragment="", **how):
    browser.open(page.as_uri() + fragment, **how)
    browser.run("document.getElementById('latents-app').parentElement.scrollIntoView({behavior: 'instant'})")
    browser.wait("document.querySelector('.latent-dashboard article')")


def column(browser, name):
    """Texts of a column of the rows drawn, without what stands small beneath."""
    at = f"[...document.querySelectorAll('.latent-head > *')].findIndex((head) => head.textContent === '{name}')"
    texts = "[...document.querySelectorAll('.latent-row')].map((row) => row.children[at].firstChild.textContent)"
    return browser.run(f"(() => {{ const at = {at}; return {texts}; }})()")


def entered(browser, name, value):
    control = f"document.querySelector('.latent-filters').elements['{name}']"
    browser.run(f"{control}.value = {json.dumps(value)}; {control}.dispatchEvent(new Event('input')); 0")
    return browser.run("document.querySelector('.latent-filters output').textContent")


def test_windows_of_a_dashboard_are_those_of_the_file(results):
    one = next(dashboards(analysis.load(results), 3, [4], ALL))
    with h5py.File(results) as file:
        tokens, activations, judged = (file[name][3, 4] for name in ("examples/token", "examples/activation", "predictions/detection_probability"))
    assert (len(one.top), len(one.firing), len(one.silent)) == (TOP, EXAMPLES - TOP - 2, 1), "a window shown at the top is not shown again"
    for i, window in enumerate(one.top):
        assert window.tokens == [WORDS[token] for token in tokens[i]]
        np.testing.assert_array_equal(window.activations, activations[i])
        np.testing.assert_equal(window.detection, float(judged[i + 2 * EXAMPLES] if i + 3 * EXAMPLES >= 40 else judged[i + 3 * EXAMPLES]))
    assert [window.peak for window in one.firing] == sorted((window.peak for window in one.firing), reverse=True)
    assert one.silent[0].peak == 0 and one.null_of == 9


def test_fewer_windows_span_all_peaks():
    windows = [Window(["a"], np.array([float(peak)]), np.nan) for peak in range(20, 0, -1)]
    fewer = analysis.latents.data.Dashboard(0, windows, windows, windows).shortened(Most(3, 4, 2))
    assert [one.peak for one in fewer.top] == [20, 19, 18] and [one.peak for one in fewer.silent] == [20, 19]
    assert [one.peak for one in fewer.firing] == [20, 14, 7, 1]


def test_roc_curves_of_a_dashboard_have_the_areas_of_scikit_learn(results):
    read = analysis.load(results)
    one = next(dashboards(read, 0, [2], ALL))
    assert set(one.rocs) == {"fuzz", "fuzz_null", "detection", "detection_null"}
    with h5py.File(results) as file:
        for name, curve in one.rocs.items():
            scorer = name.removesuffix("_null")
            probability, truth = file[f"predictions/{name}_probability"][0, 2], file[f"predictions/{scorer}_truth"][0, 2]
            known = np.isfinite(probability)
            expected = roc_auc_score(truth[known], probability[known])
            assert auc(*curve) == pytest.approx(expected, abs=0.01)
            points = np.reshape(encoded_dashboards({0: one})["of"][0]["rocs"][name], (-1, 2)) / 100
            assert auc(*points.T) == pytest.approx(expected, abs=0.02)


def test_encoded_dashboards_hold_the_same_windows_to_three_digits(results):
    read = analysis.load(results)
    all_of_it = dict(enumerate(dashboards(read, 7, range(6), ALL)))
    encoded = json.loads(json.dumps(encoded_dashboards(all_of_it), allow_nan=False))
    for row, one in all_of_it.items():
        for name in ("top", "firing", "silent"):
            for window, (ids, active, *judged) in zip(getattr(one, name), encoded["of"][str(row)][name], strict=True):
                assert [encoded["tokens"][i] for i in ids] == window.tokens
                dense = np.zeros(len(ids))
                dense[active[::2]] = active[1::2]
                np.testing.assert_allclose(dense, window.activations, rtol=5.1e-3)
                assert bool(judged) == np.isfinite(window.detection)
    rng = np.random.default_rng(0)
    values = np.append(10 ** rng.uniform(-8, 8, 2000) * rng.choice([-1, 1], 2000), [0, 0.0012345, 3])
    assert significant(values) == [float(f"{value:.3g}") for value in values]
    assert significant([np.nan, np.inf]) == [None, None]


def test_drawn_latents_depend_on_their_cell_alone(results):
    read = analysis.load(results)
    every, some = build_index(read, read.cells), build_index(read, read.cells.iloc[5:9])
    for cell in some.cells:
        same = next(other for other in every.cells if other.row == cell.row)
        chosen = drawn(cell, 8, 0)
        assert chosen.tolist() == drawn(same, 8, 0).tolist() and len(set(chosen)) == 8 and set(chosen) <= set(cell.slots)
        assert chosen.tolist() != drawn(cell, 8, 1).tolist()
    assert len({tuple(drawn(cell, 8, 0)) for cell in every.cells}) > 1


def test_every_cell_has_a_page_of_all_its_latents_that_loads_nothing(results, report):
    read = analysis.load(results)
    pages = {page.name: page.read_text() for page in (report / "latents").iterdir()}
    assert len(pages) == 20 and "tiny-trained-layers.0-seed0-" in " ".join(pages)
    listed = unpacked((report / "index.html").read_text(), "latents")
    assert {cell["page"] for cell in listed["cells"]} == set(pages) and len(listed["here"]) == 20 * 8
    assert len(listed["explanations"]) == len(read.latents) == 20 * 19
    for text in pages.values():
        assert re.findall(r'\b(?:src|href)="([^"]*)"', text) == ["data:,", "../index.html#latent-dashboards"]
        assert len(unpacked(text, "dashboards")["of"]) == 19 == len(unpacked(text, "latents")["here"])
    assert all(len(text) < 200_000 for text in pages.values())


def test_pages_of_an_earlier_report_go_and_other_files_stay(results, tmp_path):
    (tmp_path / "latents").mkdir()
    for name in ("of-another-sweep.html", "notes.txt"):
        (tmp_path / "latents" / name).write_text("of another report")
    (tmp_path / ".files").write_text("latents/of-another-sweep.html\n")
    write_report(analysis.load(results), tmp_path)
    names = {path.name for path in (tmp_path / "latents").iterdir()}
    assert len(names) == 21 and "notes.txt" in names and "of-another-sweep.html" not in names


def test_the_list_searches_filters_and_sorts_with_missing_values_last(results, tmp_path, browser):
    with h5py.File(results) as file:
        detection, entropy = file["latents/detection_auroc"][:], file["latents/token_entropy"][:]
    bare(results, tmp_path)
    opened(browser, tmp_path / "index.html")
    assert browser.run("document.querySelectorAll('.latent-row').length") < 40
    assert entered(browser, "search", "") == "380 of 380 latents; 160 open here"
    entered(browser, "sort", "detection_auroc")
    np.testing.assert_allclose([float(x) for x in column(browser, "Detection")[:8]], np.sort(detection[np.isfinite(detection)])[::-1][:8], atol=5e-4)
    browser.run("[...document.querySelectorAll('.latent-head button')].find((one) => one.textContent === 'Entropy').click()")
    browser.run("[...document.querySelectorAll('.latent-head button')].find((one) => one.textContent === 'Entropy').click()")
    assert browser.run("document.querySelector('[aria-sort=ascending]').textContent") == "Entropy"
    np.testing.assert_allclose([float(x) for x in column(browser, "Entropy")[:8]], np.sort(entropy[np.isfinite(entropy)])[:8], atol=5e-3)
    entered(browser, "sort", "fuzz_auroc_null")
    browser.run("document.querySelector('.latent-list').scrollTop = 1e6")
    browser.wait("document.querySelector('.latent-row:last-child').getAttribute('aria-rowindex') === '381'")
    assert browser.run("document.querySelectorAll('.latent-row small.of-sae').length") > 0, "without a null of its own, a latent is last"
    assert entered(browser, "variant", "step0").startswith("76 of 380")
    assert entered(browser, "hookpoint", "layers.1").startswith("38 of 380")
    assert entered(browser, "search", "MOONS layers.1").startswith("2 of 380") and set(column(browser, "Explanation")) == {"tokens like < moons> & the rest"}
    assert entered(browser, "search", "nothing of the kind").startswith("0 of 380")
    assert browser.said == []


def test_a_dashboard_opens_by_click_by_keys_and_by_its_address(results, tmp_path, browser):
    read = analysis.load(results)
    bare(results, tmp_path)
    index = build_index(read, read.cells)
    cell = index.cells[4]
    slot = int(drawn(cell, 8, 0)[2])
    opened(browser, tmp_path / "index.html", f"#latent={cell.key}:{slot}")
    latent = read.latents.query(f"cell == {cell.row} and slot == {slot}").iloc[0]
    text = browser.run("document.querySelector('.latent-dashboard').innerText")
    assert latent["explanation"] in text and f"{latent['fuzz_auroc']:.3f}" in text and f"latent {latent['index']}" in text
    assert f"{latent['token_entropy']:.2f} nats" in text and f"{latent['token_entropy'] + 0.1:.2f} nats" in text
    other = read.latents.query(f"cell == {cell.row} and slot == {latent['null_of']}").iloc[0]
    assert f"latent {other['index']}" in browser.run("document.querySelector('.latent-null').innerText") and other["explanation"] in text
    assert browser.run("document.querySelectorAll('.latent-plot svg[role=img]').length") == 2
    first = next(dashboards(read, cell.row, [slot], ALL)).top[0]
    assert browser.run("document.querySelector('ol.windows li:nth-child(2) .text').textContent").replace("↵", "\n").replace("·", " ") == "".join(first.tokens)
    marks = browser.run("[...document.querySelectorAll('h4 + ol.windows li:nth-child(2) mark')].map((mark) => Number(mark.dataset.activation))")
    np.testing.assert_allclose(marks, first.activations[first.activations > 0], rtol=5.1e-3)
    browser.run("document.querySelector('[name=here]').click(); document.querySelector('.latent-list').focus(); 0")
    for key in ("Home", "ArrowDown", "ArrowDown", "ArrowUp", "Enter"):
        browser.key(key)
    second = index.cells[0].key + ":" + str(drawn(index.cells[0], 8, 0)[1])
    assert browser.run("location.hash") == "#latent=" + second
    browser.run("document.querySelectorAll('.latent-row')[3].children[2].click()")
    assert browser.run("location.hash") == f"#latent={index.cells[0].key}:{drawn(index.cells[0], 8, 0)[3]}"
    browser.run("document.querySelectorAll('.latent-title button')[0].click()")
    assert browser.run("location.hash") == f"#latent={index.cells[0].key}:{drawn(index.cells[0], 8, 0)[2]}"
    assert browser.said == []


def test_other_latents_open_on_the_page_of_their_cell(results, tmp_path, browser):
    read = analysis.load(results)
    bare(results, tmp_path)
    cell = build_index(read, read.cells).cells[2]
    slot = int(next(slot for slot in cell.slots if slot not in drawn(cell, 8, 0)))
    browser.open((tmp_path / "index.html").as_uri() + f"#latent={cell.key}:{slot}")
    browser.wait(f"location.href.endsWith('latents/{cell.page}#{slot}') && document.querySelector('.latent-dashboard article')")
    latent = read.latents.query(f"cell == {cell.row} and slot == {slot}").iloc[0]
    assert f"latent {latent['index']}" in browser.run("document.querySelector('.latent-title h3').textContent")
    assert entered(browser, "search", "") == "19 of 19 latents"
    assert browser.said == []


def test_text_of_a_corpus_stays_text(results, tmp_path, browser):
    hostile = tmp_path / "results.h5"
    hostile.write_bytes(results.read_bytes())
    with h5py.File(hostile, "r+") as file:
        for name in ("latents/explanation", "vocabularies/token", "cells/model"):
            attributes, shape = dict(file[name].attrs), file[name].shape
            del file[name]
            file[name] = np.full(shape, HOSTILE.encode(), "S200")
            file[name].attrs.update(attributes)
    section = bare(hostile, tmp_path / "report")
    assert "<img" not in section
    page = next((tmp_path / "report/latents").iterdir())
    for address in (tmp_path / "report/index.html", page):
        opened(browser, address)
        browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert browser.run("document.images.length + document.querySelectorAll('.latents script').length") == 0
        assert browser.run("document.querySelector('blockquote').textContent") == HOSTILE
        assert browser.run("document.querySelector('ol.windows li:nth-child(2) .text').textContent").startswith(HOSTILE)
        assert HOSTILE.split("/")[-1] in browser.run("document.querySelector('.latent-title .place').textContent")
        assert browser.run("window.hit === undefined") and browser.said == []


def test_tokens_are_shown_whole_and_what_the_eye_would_miss_by_a_sign(results, tmp_path, browser):
    shown = {"’s": "’s", " — and": " — and", "“Yes”": "“Yes”", "…": "…", " ": "·", "a\u00a0b": "a⍽b", "\u202e": "U+202E", "\u2066x": "U+2066x", "\u2028": "U+2028", "\n": "↵"}
    path = tmp_path / "results.h5"
    path.write_bytes(results.read_bytes())
    with h5py.File(path, "r+") as file:
        words = [list(shown)[i % len(shown)].encode() for i in range(file["vocabularies/token"].shape[1])]
        del file["vocabularies/token"]
        file["vocabularies/token"] = np.array([words])
        file["vocabularies/token"].attrs["stage"] = 0
    bare(path, tmp_path / "report")
    opened(browser, tmp_path / "report/index.html")
    read = analysis.load(path)
    first = build_index(read, read.cells).cells[0]
    one = next(dashboards(read, first.row, [int(drawn(first, 8, 0)[0])], ALL))
    texts = browser.run("[...document.querySelectorAll('h4 + ol.windows .text')].map((line) => line.textContent)")
    assert texts == ["".join(shown[token] for token in window.tokens) for window in one.top]


def test_the_whole_report_shows_latents_without_an_error_light_and_dark(report, browser):
    for dark in (False, True):
        opened(browser, report / "index.html", dark=dark)
        shade = browser.run("getComputedStyle(document.querySelector('ol.windows mark')).backgroundColor")
        assert re.fullmatch(r"rgba\(\d+, \d+, \d+, 0\.\d+\)", shade) and browser.said == []


def test_latents_that_are_harvested_but_not_scored_are_shown(tmp_path, browser):
    path = make_results(tmp_path / "results.h5", layers=1, seeds=1, latents=64)
    with h5py.File(path, "r+") as file:
        file["cells/stage"][:], file["cells/state"][:] = HARVESTED, STARTED
        file["latents/status"][:] = np.where(file["latents/index"][:] >= 0, 1, 0)
    bare(path, tmp_path / "report")
    opened(browser, tmp_path / "report/index.html")
    assert entered(browser, "search", "").startswith("95 of 95")
    assert "not scored yet" in browser.run("document.querySelector('blockquote').textContent")
    heads = browser.run("[...document.querySelectorAll('.latent-head > *')].map((head) => head.textContent)")
    assert heads == ["SAE", "Latent", "Explanation", "Entropy", "Fires on"] and browser.said == []


@pytest.mark.parametrize("without", [
    ("latents/status", "latents/explanation", "latents/peak_quantiles", "vocabularies/token"),
    ("examples/kind", "predictions/fuzz_truth", "predictions/detection_probability", "latents/fuzz_auroc_null"),
])  # fmt: skip
def test_what_the_file_lacks_is_left_out(tmp_path, browser, without):
    path = make_results(tmp_path / "results.h5", layers=1, seeds=1, latents=64, without=without)
    bare(path, tmp_path / "report")
    opened(browser, tmp_path / "report/index.html")
    assert browser.said == []


def test_a_sweep_that_explains_nothing_says_so_in_a_line(tmp_path):
    section = bare(make_results(tmp_path / "results.h5", layers=1, latents=32, scored=0), tmp_path / "report")
    assert "This sweep asks for no explanations" in section and "<script" not in section
    assert not (tmp_path / "report/latents").exists()
