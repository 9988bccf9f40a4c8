"""analysis.load: one file, shards, folders; held against h5py and `saesweep merge`."""

import os
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pandas as pd
import pytest
from make_results import DONE, EVALUATED, FAILED, STARTED, TO_COME, documented, make_results
from sweep_runs import ENVIRONMENT, PROGRAM, ROOT, command, sweep_file

import analysis
from analysis.__main__ import main

FRAMES = ("cells", "grid", "latents", "all_latents", "curves", "judged")
SMALL = dict(layers=2, latents=64, scored=4)  # 20 cells


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """An output folder with two shards that the program ran, of two cells each."""
    sweep = sweep_file(tmp_path_factory.mktemp("sweep"))
    text = sweep.read_text()
    for old, new in {"layers = [0, 2, 5]": "layers = [2]", "\ntokens = 10_240": "\ntokens = 2048", "latents = 6": "latents = 3", "tokens = 4096": "tokens = 1024",
                     "harvest_tokens = 20_480": "harvest_tokens = 10_240"}.items():  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    sweep.write_text(text)
    for shard in ("0/2", "1/2"):
        subprocess.run(command(sweep, 1, "--shard", shard), cwd=ROOT, env=ENVIRONMENT, timeout=120, check=True, capture_output=True)
    return sweep.parent / "out"


def assert_same_results(found, expected):
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(found, name), getattr(expected, name), obj=name)


def test_shards_read_together_are_what_the_program_merges(output, tmp_path):
    shards = sorted(output.glob("shards/*/results.h5"))
    merged = tmp_path / "merged.h5"
    subprocess.run([PROGRAM, "merge", merged, *shards], check=True, capture_output=True)
    expected = analysis.load(merged)
    assert expected.count("done") == 4
    for found in (analysis.load(output), analysis.load(*reversed(shards)), analysis.load(output, *shards)):
        assert_same_results(found, expected)
        for row in (0, 3):
            for example, other in zip(found.top_examples(row, 0, 2), expected.top_examples(row, 0, 2), strict=True):
                assert example.tokens == other.tokens and np.array_equal(example.activations, other.activations)
            assert np.array_equal(found.firing_rates([row, 1]), expected.firing_rates([row, 1]))
            assert np.array_equal(found.predictions("fuzz", [row, 1]), expected.predictions("fuzz", [row, 1]))


def test_every_column_has_the_meaning_that_the_page_gives(output):
    described = analysis.load(output).describe().set_index(["frame", "column"])
    pages = {f"{frame}/{column}": about for frame, column in described.index for about in [documented().get(f"{frame}/{column}")]}
    assert (described["meaning"] != "").all()
    words = {"cells/state", "cells/stage"}  # codes in the file, words in the frame
    for name, about in pages.items():
        if about is not None and name not in words:
            found = described.loc[tuple(name.split("/"))]
            assert (found["unit"], found["meaning"]) == (about["unit"].decode(), about["meaning"].decode()), name
            assert found["reproducible"] == bool(about["reproducible"]), name


def test_what_was_judged_is_what_the_file_holds(output):
    path = output / "shards/0-of-2/results.h5"
    judged = analysis.load(path).judged
    with h5py.File(path) as file:
        for scorer in ("fuzz", "detection"):
            truth, own = file[f"predictions/{scorer}_truth"][:], file[f"predictions/{scorer}_probability"][:]
            null = file[f"predictions/{scorer}_null_probability"][:]
            part = judged[judged["scorer"] == scorer]
            for is_null, probability in ((False, own), (True, null)):
                rows = part[part["null"] == is_null]
                assert len(rows) == (truth[:, : probability.shape[1]] >= 0).sum()
                at = tuple(rows[name].to_numpy() for name in ("cell", "slot", "place"))
                np.testing.assert_array_equal(rows["probability"], probability[at])
                np.testing.assert_array_equal(rows["truth"], truth[at])
                np.testing.assert_array_equal(rows["example"], file[f"predictions/{scorer}_example"][:][at])
                np.testing.assert_array_equal(rows["latent"], file["latents/index"][:][at[:2]])


def test_a_cell_is_read_where_it_stands_furthest(tmp_path):
    """results.h5 has two of the cells failed, started or to come that a shard has done, and one done that the shard has to come."""
    done = make_results(tmp_path / "done.h5", **SMALL)
    states = [FAILED, STARTED, TO_COME, *[DONE] * 17]
    make_results(tmp_path / "results.h5", states=states, failures={0: "lost"}, **SMALL)
    (tmp_path / "shards/0-of-2").mkdir(parents=True)
    make_results(tmp_path / "shards/0-of-2/results.h5", states=[DONE, DONE, DONE, TO_COME, *[DONE] * 16], rows=[0, 1, 2, 3], info={"shard": "0/2"}, **SMALL)
    found, expected = analysis.load(tmp_path), analysis.load(done)
    assert found.count("done") == 20
    for name in ("latents", "all_latents", "judged"):
        assert len(getattr(found, name)) == len(getattr(expected, name))
    assert (found.cells["failure"] == "").all()
    assert list(found.source[:4]) == [0, 0, 0, 1]
    assert (found.cells["id"] == expected.cells["id"]).all()


def test_a_shard_says_how_much_of_the_sweep_it_holds(tmp_path):
    found = analysis.load(make_results(tmp_path / "shard.h5", rows=[3, 4, 5], **SMALL))
    assert len(found.cells) == 3 and len(found.grid) == 20
    assert list(found.grid["cell"][2:7]) == [-1, 0, 1, 2, -1]
    assert list(found.grid["state"][2:7]) == ["to come", "done", "done", "done", "to come"]


def test_scores_of_another_judge_do_not_count(tmp_path):
    """The newer file asks for other scores: its own rows are not there yet, those of the older one hold as far as evaluated."""
    old, new = (make_results(tmp_path / f"{name}.h5", info={"created": created}, **kinds) for name, created, kinds in (
        ("old", "2026-01-01T00:00:00Z", SMALL), ("new", "2026-01-02T00:00:00Z", SMALL | {"states": [TO_COME] * 20})))  # fmt: skip
    folder = tmp_path / "out"
    (folder / "shards/0-of-1").mkdir(parents=True)
    for path, name in ((old, "results.h5"), (new, "shards/0-of-1/results.h5")):
        shutil.copy(path, folder / name)
        with h5py.File(folder / name, "r+") as file:
            for group in ("cells", "grid"):
                ids = [path.stem[:3].encode() + text[:20] for text in file[f"{group}/id"][:]]
                del file[f"{group}/score_id"]
                file[f"{group}/score_id"] = np.array(ids)
                file[f"{group}/score_id"].attrs["stage"] = 0
    found = analysis.load(folder)
    assert (found.cells["stage"] == "evaluated").all() and (found.cells["state"] == "to come").all()
    assert found.cells["fuzz_auroc"].isna().all() and found.cells["explained_variance"].notna().all()
    assert len(found.judged) == 0 and len(found.all_latents) > 0


@pytest.mark.parametrize("change, word", [({"info": {"sweep_name": "other"}}, "the sweep 'other'"), ({"layers": 3}, "another sweep than")])
def test_files_of_two_sweeps_are_refused_naming_both(tmp_path, capsys, change, word):
    files = [make_results(tmp_path / "a.h5", **SMALL), make_results(tmp_path / "b.h5", **SMALL | change)]
    with pytest.raises(analysis.ResultsError, match=word) as caught:
        analysis.load(*files)
    assert all(str(path) in str(caught.value) for path in files)
    assert main(["export", *map(str, files), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and word in said


def test_reads_while_another_process_writes_and_only_what_is_whole(tmp_path):
    """The writer has cell 0 at stage 2: what it holds of stages 3 and 4 is not read."""
    path = make_results(tmp_path / "results.h5", **SMALL)
    writer = subprocess.Popen(
        [sys.executable, "-c", f"import h5py; f = h5py.File({str(path)!r}, 'r+'); f['cells/stage'][0] = {EVALUATED}; f['cells/state'][0] = 1; f.flush(); print('open', flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
    try:
        assert writer.stdout.readline() == "open\n"
        results = analysis.load(path)
        assert results.count("done") == 19 and results.cells["stage"][0] == "evaluated"
        assert np.isnan(results.cells["fuzz_auroc"][0]) and np.isfinite(results.cells["explained_variance"][0])
        assert 0 not in set(results.latents["cell"]) and 0 not in set(results.judged["cell"])
        assert 0 in set(results.all_latents["cell"])
    finally:
        writer.communicate("\n", timeout=20)


def test_a_file_that_was_replaced_meanwhile_is_not_mixed_in(tmp_path):
    path = make_results(tmp_path / "results.h5", **SMALL)
    results = analysis.load(path)
    os.replace(make_results(tmp_path / "new.h5", **SMALL | {"layers": 3}), path)
    with pytest.raises(analysis.ResultsError, match="load it again"):
        _ = results.latents


def test_a_file_that_is_replaced_while_it_is_read_is_not_mixed_in(tmp_path, monkeypatch):
    path, new = (make_results(tmp_path / f"{name}.h5", **SMALL) for name in ("results", "new"))
    read_cells = analysis.files._cells
    monkeypatch.setattr(analysis.files, "_cells", lambda *arguments: os.replace(new, path) or read_cells(*arguments))
    results = analysis.load(path)
    with pytest.raises(analysis.ResultsError, match="load it again"):
        _ = results.latents


def test_frames_of_some_cells_are_the_frames_rows(output):
    results = analysis.load(output)
    for name in ("latents", "all_latents", "curves", "judged"):
        whole = getattr(results, name)
        for rows in ([2], [3, 0]):
            pd.testing.assert_frame_equal(results.frame_of(name, rows), whole[whole["cell"].isin(rows)].reset_index(drop=True))
        assert len(results.frame_of(name, [])) == 0


def test_a_damaged_file_is_refused_with_its_name(tmp_path):
    whole = make_results(tmp_path / "results.h5", **SMALL).read_bytes()
    rng, refused = np.random.default_rng(0), 0
    path = tmp_path / "damaged.h5"
    for _ in range(40):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(damaged) - 64, 6):
            damaged[at : at + 64] = bytes(64)
        path.write_bytes(damaged)
        try:
            analysis.load(path)
        except analysis.ResultsError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
            refused += 1
    assert refused > 10


def damage(path, dataset):
    """Overwrites the header of a dataset, as a bad sector does."""
    with h5py.File(path) as file:
        at = h5py.h5o.get_info(file[dataset].id).addr
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(bytes(16))


@pytest.mark.parametrize("dataset", ["latents/token_entropy", "predictions/fuzz_truth", "all_latents/firing_rate", "curves/step"])
@pytest.mark.parametrize("command", ["report", "export"])
def test_damage_in_what_is_read_late_is_one_line_with_the_files_name(tmp_path, capsys, command, dataset):
    path = make_results(tmp_path / "results.h5", layers=1, latents=16, scored=4)
    damage(path, dataset)
    assert main([command, str(path), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"{path}: cannot be read (" in said and "move it aside" in said, said


@pytest.mark.parametrize(("dataset", "change", "words"), [
    ("latents/index", lambda values: values.ravel(), "/latents/index has shape (40,), expected 2 axes (cells, latents)"),
    ("latents/token_entropy", lambda values: values[:, :-1], "/latents/token_entropy has shape (10, 3), of 3 latents, but /latents/index has 4"),
    ("latents/peak_quantiles", lambda values: values[..., 0], "/latents/peak_quantiles has shape (10, 4), expected 3 axes (cells, latents, quantile edges)"),
    ("cells/mse", lambda values: values[:-1], "/cells/mse has shape (9,), of 9 cells, but /cells/id has 10"),
    ("predictions/fuzz_truth", lambda values: values[:, :, :-1], " fuzz predictions, but /predictions/fuzz_"),
    ("examples/token", lambda values: values[0], "/examples/token has shape (4, "),
])  # fmt: skip
def test_a_dataset_of_another_shape_is_refused_with_its_name_and_shapes(tmp_path, capsys, dataset, change, words):
    path = make_results(tmp_path / "results.h5", layers=1, latents=16, scored=4)
    with h5py.File(path, "r+") as file:
        attributes, values = dict(file[dataset].attrs), change(file[dataset][:])
        del file[dataset]
        file[dataset] = values
        file[dataset].attrs.update(attributes)
    assert main(["export", str(path), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"{path}: " in said and words in said and "the file is damaged" in said, said


def test_damaged_texts_and_examples_are_not_taken_for_missing_ones(tmp_path):
    path = make_results(tmp_path / "results.h5", layers=1, latents=16, scored=4)
    for dataset, read in {"vocabularies/token": lambda results: results.token_texts(0),
                          "examples/kind": lambda results: results.top_examples(0, 0, 1)}.items():  # fmt: skip
        damage(path, dataset)
        with pytest.raises(analysis.ResultsError, match="cannot be read"):
            read(analysis.load(path))


def test_a_file_that_is_cut_short_is_said_to_be(tmp_path, capsys):
    path = make_results(tmp_path / "results.h5", **SMALL)
    os.truncate(path, path.stat().st_size // 2)
    assert main(["report", str(path), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"{path}: is cut short or damaged (" in said


def test_what_was_judged_is_read_without_the_latents_numbers(tmp_path):
    results = analysis.load(make_results(tmp_path / "results.h5", **SMALL, without=("latents/index",)))
    assert len(results.judged) and (results.judged["latent"] == -1).all()


def test_works_from_another_folder(tmp_path):
    path = make_results(tmp_path / "results.h5", **SMALL)
    code = f"import analysis; r = analysis.load({str(path)!r}); print(len(r.cells), r.cells.explained_variance.notna().all())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.stdout == "20 True\n", done.stderr
