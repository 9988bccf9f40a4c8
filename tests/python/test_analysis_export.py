"""python -m analysis export, and tables as LaTeX; read back by pyarrow, pandas and h5py."""

import json

import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from make_results import DONE, FAILED, TO_COME, documented, make_results

import analysis
from analysis.__main__ import main
from analysis.latex import latex
from analysis.neuronpedia import source_sets

SMALL = dict(layers=2, seeds=2, latents=64, scored=6)  # 20 cells
TABLES = ("cells", "grid", "latents", "all_latents", "curves", "predictions")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A results file with a cell failed and one to come, and its export as Parquet with the latents for Neuronpedia."""
    folder = tmp_path_factory.mktemp("export")
    path = make_results(folder / "results.h5", states=[DONE] * 18 + [FAILED, TO_COME], failures={18: 'NaN, "so"\nlost'}, **SMALL)
    assert main(["export", str(path), "-o", str(folder / "out"), "--neuronpedia", "--model-id", "Tiny-1"]) == 0
    return path, folder / "out"


def test_parquet_holds_the_frames(made):
    path, output = made
    results = analysis.load(path)
    frames = {name: getattr(results, name) for name in ("grid", "latents", "all_latents", "curves")} | {"predictions": results.judged}
    frames["cells"] = results.cells.rename_axis("cell").reset_index()
    for name in TABLES:
        pd.testing.assert_frame_equal(pd.read_parquet(output / f"{name}.parquet"), frames[name], obj=name)
    with h5py.File(path) as file:
        assert len(frames["predictions"]) == sum((file[f"predictions/{s}_truth"][:] >= 0).sum() + np.isfinite(file[f"predictions/{s}_null_probability"][:]).any(2).sum() * 40
                                                 for s in ("fuzz", "detection"))  # fmt: skip


def test_tables_of_latents_are_written_a_few_cells_at_a_time(made):
    _, output = made
    for name in ("latents", "all_latents", "curves", "predictions"):
        file = pyarrow.parquet.ParquetFile(output / f"{name}.parquet")
        cells = [set(file.read_row_group(group, ["cell"])["cell"].to_pylist()) for group in range(file.num_row_groups)]
        assert [len(group) for group in cells] == [16, 2] and not cells[0] & cells[1]


def test_parquet_bears_units_and_meanings_and_the_sweep(made):
    path, output = made
    schema = pyarrow.parquet.read_schema(output / "cells.parquet")
    about = documented()["cells/mse"]
    assert schema.field("mse").metadata == {b"unit": bytes(about["unit"]), b"meaning": bytes(about["meaning"])}
    with h5py.File(path) as file:
        assert schema.metadata[b"sweep"] == bytes(file.attrs["sweep"])
    columns = pd.read_csv(output / "columns.csv").set_index(["frame", "column"])
    for name in TABLES:
        for field in pyarrow.parquet.read_schema(output / f"{name}.parquet"):
            if (name, field.name) in documented():
                assert columns.loc[(name, field.name), "meaning"] == field.metadata[b"meaning"].decode()
    assert schema.field("cell").metadata[b"meaning"]


def test_missing_numbers_are_null_never_zero(made):
    _, output = made
    table = pyarrow.parquet.read_table(output / "cells.parquet")
    assert table["fuzz_auroc"].null_count == 2 and table["explained_variance"].null_count == 2
    assert table["penalty"].null_count == 20


def test_csv_holds_what_parquet_holds(made, tmp_path):
    path, output = made
    assert main(["export", str(path), "-o", str(tmp_path), "--format", "csv"]) == 0
    for name in TABLES:
        expected = pd.read_parquet(output / f"{name}.parquet")
        found = pd.read_csv(tmp_path / f"{name}.csv", keep_default_na=False, na_values={c: [""] for c in expected if expected[c].dtype.kind == "f"})
        pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-6, obj=name)
    assert not list(tmp_path.glob("*.part"))


def test_a_sweep_without_scores_gives_tables_with_columns_and_no_rows(tmp_path):
    path = make_results(tmp_path / "results.h5", **SMALL | {"scored": 0})
    assert main(["export", str(path), "-o", str(tmp_path / "out")]) == 0
    assert list(pd.read_parquet(tmp_path / "out/predictions.parquet").columns)[:4] == ["cell", "slot", "latent", "scorer"]
    assert len(pd.read_parquet(tmp_path / "out/predictions.parquet")) == 0


def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys):
    for arguments, word in (([str(tmp_path / "none.h5")], "no such file"), ([str(make_results(tmp_path / "r.h5", **SMALL | {"scored": 0})), "--neuronpedia"], "no latent with examples")):
        assert main(["export", *arguments, "-o", str(tmp_path / "out")]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and word in said


def test_neuronpedia_is_not_told_latents_without_their_firing_rates(tmp_path, capsys):
    path = make_results(tmp_path / "results.h5", layers=1, seeds=1, latents=16, scored=2, without=("latents/firing_rate",))
    assert main(["export", str(path), "-o", str(tmp_path / "tables"), "--neuronpedia"]) == 2
    assert f"{path}: found no dataset /latents/firing_rate" in capsys.readouterr().err


def test_neuronpedia_gets_each_explained_latent_with_its_windows(made):
    path, output = made
    sources = pd.read_csv(output / "neuronpedia/sources.csv")
    assert len(sources) == 18 and sources["source"].is_unique and (sources["model"] == "Tiny-1").all()
    results = analysis.load(path)
    source = sources.iloc[3]
    batch = json.loads((output / f"neuronpedia/Tiny-1/{source['source']}/batch-0.json").read_text())
    assert (batch["modelId"], batch["source"]) == ("tiny-1", source["source"])
    assert source["source"].startswith(f"{results.cells['layer'][source['cell']]}-res-")
    latents = results.latents[results.latents["cell"] == source["cell"]]
    assert [feature["index"] for feature in batch["features"]] == list(latents["index"])
    with h5py.File(path) as file:
        for slot, feature in enumerate(batch["features"]):
            assert feature["explanations"] == [{"text": latents["explanation"].iloc[slot]}]
            assert feature["density"] == pytest.approx(latents["firing_rate"].iloc[slot], rel=1e-5)
            words = [word.decode() for word in file["vocabularies/token"][0]]
            assert len(feature["activations"]) == 12  # all its windows fire
            for i, activation in enumerate(feature["activations"]):
                tokens, values = file["examples/token"][source["cell"], slot, i], file["examples/activation"][source["cell"], slot, i]
                assert activation["tokens"] == [words[token] for token in tokens]
                np.testing.assert_allclose(activation["values"], values, rtol=1e-5)


def test_neuronpedia_files_keep_to_the_limits_of_its_interface(tmp_path):
    """The yup schema of apps/webapp/app/api/feature/upload-batch/route.tsx in github.com/hijohnnylin/neuronpedia."""
    path = make_results(tmp_path / "results.h5", layers=1, seeds=1, latents=2048, scored=132)
    with h5py.File(path, "r+") as file:
        texts = file["latents/explanation"][:].astype("S1024")
        texts[0, 0] = b"long " * 200
        del file["latents/explanation"]
        file["latents/explanation"] = texts
    assert main(["export", str(path), "-o", str(tmp_path), "--neuronpedia"]) == 0
    files = sorted((tmp_path / "neuronpedia").glob("*/*/batch-*.json"))
    assert len(files) == 10  # 131 latents of each of 5 cells
    for file in files:
        body = json.loads(file.read_text())
        assert body["modelId"] == body["modelId"].lower() and body["source"] == body["source"].lower()
        assert 1 <= len(body["features"]) <= 128
        indices = [feature["index"] for feature in body["features"]]
        assert len(set(indices)) == len(indices) and 0 <= min(indices) and max(indices) <= 10_000_000
        for feature in body["features"]:
            assert set(feature) <= {"index", "density", "explanations", "activations"}
            assert 0 <= feature["density"] <= 1
            assert all(1 <= len(explanation["text"]) <= 512 for explanation in feature["explanations"])
            assert feature["activations"]
            for activation in feature["activations"]:
                assert 1 <= len(activation["tokens"]) == len(activation["values"]) <= 1024
                assert all(activation["tokens"])
                assert activation["quantileMin"] <= activation["quantileMax"] < 99_999_999 and 0 <= activation["quantileFraction"] <= 1


def test_models_of_one_name_and_earlier_states_of_a_sweep_do_not_mix(tmp_path, capsys):
    path = make_results(tmp_path / "results.h5", models=("a/tiny", "b/tiny"), layers=1, seeds=1, latents=32, scored=3)
    assert main(["export", str(path), "-o", str(tmp_path), "--neuronpedia"]) == 0
    assert set(pd.read_csv(tmp_path / "neuronpedia/sources.csv")["model"]) == {"a-tiny", "b-tiny"}
    assert main(["export", str(path), "-o", str(tmp_path), "--neuronpedia", "--model-id", "tiny"]) == 2
    assert "2 models (a/tiny, b/tiny)" in capsys.readouterr().err
    with h5py.File(path, "r+") as file:  # as if the second model's cells were the first's, of an earlier state
        file["cells/model"][5:] = b"a/tiny"
        for name, values in {name: data[:5] for name, data in file["grid"].items()}.items():
            del file["grid"][name]
            file["grid"][name] = values
    assert main(["export", str(path), "-o", str(tmp_path / "now"), "--neuronpedia"]) == 0
    assert list(pd.read_csv(tmp_path / "now/neuronpedia/sources.csv")["cell"]) == list(range(5))


def test_source_sets_name_what_varies_and_differ_by_layer_only(tmp_path):
    cells = analysis.load(make_results(tmp_path / "results.h5", **SMALL)).cells
    names = source_sets(cells)
    assert names[0] == "res-trained-s0" and names[5] == "res-rerandomized-incl-s1"
    assert not (names + cells["layer"].astype(str)).duplicated().any()
    assert names.str.fullmatch(r"[a-z0-9-]{1,31}").all()


def test_latex_escapes_texts_aligns_numbers_and_dashes_what_is_missing():
    frame = pd.DataFrame({"a_b": ["x & 50%", "{~^\\#$}", ""], "p": [1e-7, 0.25, np.nan], "n": [1, -2, 300_000], "ok": [True, False, True]})
    lines = latex(frame, "C & d", "tab:t").splitlines()
    assert lines[0].startswith("% needs \\usepackage{booktabs}")
    assert "\\begin{tabular}{lrrl}" in lines and "\\caption{C \\& d}" in lines
    body = [line for line in lines if line.endswith(r" \\")]
    assert body == [
        r"a\_b & p & n & ok \\",
        r"x \& 50\% & $<0.001$ & 1 & yes \\",
        r"\{\textasciitilde{}\textasciicircum{}\textbackslash{}\#\$\} & 0.250 & $-$2 & no \\",
        r"-- & -- & 300,000 & yes \\",
    ]


def test_tables_are_written_with_all_digits_as_csv(tmp_path):
    frame = pd.DataFrame({"value": np.random.default_rng(0).normal(size=60)})
    csv, tex = analysis.write_table(frame, tmp_path, "name", "caption")
    pd.testing.assert_frame_equal(pd.DataFrame({"value": [float(line) for line in csv.read_text().split()[1:]]}), frame, check_exact=True)
    assert r"\begin{longtable}{r}" in tex.read_text()
