"""`clnp compare`: the table of a small comparison, in every form it is written in, and what it refuses."""

import json

import pandas as pd
import pytest

from clnp_core.runs.store import Store

TINY = ("--tasks", 2, "--epochs", 2, "--methods", "finetune,single")


def test_two_methods_are_compared_and_written_in_every_form(tmp_path, scheduler, said):
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("95,\n80,90\n")
    files = [tmp_path / name for name in ("table.csv", "table.parquet", "table.json")]
    written = ("--out", files[0], "--out", files[1], "--json", files[2])
    asked = ("compare", "digits", *TINY, "--with", theirs, "--store", tmp_path / "store", "--scheduler", scheduler)
    status, shown, complaint = said(*asked, *written)
    assert (status, complaint) == (0, "")
    csv, parquet = pd.read_csv(files[0]), pd.read_parquet(files[1])
    rows = json.loads(files[2].read_text("utf-8"))
    assert [row["method"] for row in rows] == ["finetune", "single", "theirs (elsewhere)"]
    for frame in (csv, parquet):
        assert frame["mean_accuracy"].tolist() == pytest.approx([row["mean_accuracy"] for row in rows])
    finetune, single, _ = rows
    assert single["memory"] == 2 * finetune["memory"]  # a network for each of two tasks
    assert finetune["untold_accuracy"] is None
    assert 0 < single["untold_accuracy"] <= single["mean_accuracy"]
    assert single["forward_transfer"] == 0
    assert f"{100 * finetune['mean_accuracy']:.2f}" in shown
    assert "theirs (elsewhere): its numbers were taken as per cent" in shown
    runs = {run.id for run in Store(tmp_path / "store").runs()}
    assert said(*asked)[0] == 0
    assert {run.id for run in Store(tmp_path / "store").runs()} == runs


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["digits", "--methods", "magic"], "There is no method 'magic'"),
        (["digits", "--seeds", 0], "seeds = 0 is not possible"),
        (["digits", "--set", "method=clnp"], "a comparison goes over methods"),
        (["digits", "--with", "nowhere.csv"], "nowhere.csv cannot be read"),
        (["digits", "--out", "table.txt"], "give a name that ends in .csv or .parquet"),
        (["digits", "--json", "nowhere/table.json"], "--json nowhere/table.json: the file cannot be written"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence_and_leaves_nothing(tmp_path, said, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    status, _, complaint = said("compare", *arguments, "--store", tmp_path / "store")
    assert (status, complaint.count("\n")) == (2, 1)
    assert sentence in complaint
    assert not (tmp_path / "store").exists()
