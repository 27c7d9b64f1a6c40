"""`clnp data`: a file is kept as tasks, listed, learned by a specification that is written, and removed."""

import json

import numpy as np
import pytest

from clnp_core.runs.spec import RunSpec, preset
from clnp_core.runs.store import Store


@pytest.fixture
def survey(tmp_path, monkeypatch):
    """A table in a file, and an empty data folder."""
    monkeypatch.setenv("CLNP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CLNP_STORE", str(tmp_path / "store"))
    draw = np.random.default_rng(0)
    rows = [f"{draw.normal():.3f},{n % 3},{'north' if n % 2 else 'south'}" for n in range(60)]
    (path := tmp_path / "survey.csv").write_text("\n".join(["age,answer,region", *rows]))
    return path


def test_a_file_is_added_listed_learned_and_removed(survey, said, tmp_path):
    how = ("--tasks", "column:region", "--label", "answer", "--out", tmp_path / "run.json", "--widths", "30,20")
    status, told, complained = said("data", "add", survey, "--name", "survey", *how)
    assert (status, complained) == (0, "")
    assert "task 1, north: 24 to train and 6 to test with" in told
    assert "network of 740 parameters" in told
    spec = RunSpec.model_validate(json.loads((tmp_path / "run.json").read_text()))
    assert (spec.preset, spec.stream.tasks, spec.head, spec.architecture.widths) == ("survey", 2, "single", (30, 20))

    assert said("data", "list")[1].startswith("survey: 2 tasks, 48 to train and 12 to test with, of 1x1x1, ")
    status, _, complained = said("data", "add", survey, "--name", "survey", *how)
    assert (status, complained) == (
        2,
        "clnp: There is own data 'survey' already; give another name, or remove it first: clnp data rm survey.\n",
    )
    store = Store(tmp_path / "store")
    run = store.add(spec)
    assert f"{run} still learns survey; cancel it first" in said("data", "rm", "survey")[2]
    store.cancel(run)
    assert said("data", "rm", "survey")[0] == 0
    assert said("data", "list")[1].startswith("There is no own data yet.")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--tasks", "column:region"), "has no column 'label' of labels; name one of 'age', 'answer', 'region'"),
        (("--tasks", "halves"), "'halves' is no way to divide samples into tasks"),
        (("--tasks", "column:region", "--label", "answer", "--widths", "0"), "network.hidden.1.width = 0"),
        (("--tasks", "column:region", "--label", "answer", "--channels", "8"), "1 convolutions are too many"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_kept(survey, said, options, complaint):
    status, _, complained = said("data", "add", survey, "--name", "survey", *options)
    assert status == 2
    assert complaint in complained
    assert not (survey.parent / "data" / "own").exists()


def test_a_run_on_own_data_has_a_preset_of_its_own_name_and_settings_to_begin_with(survey, said, tmp_path):
    said("data", "add", survey, "--name", "digits", "--tasks", "classes:2", "--label", "answer")
    assert (
        "'region' is text" in said("data", "add", survey, "--name", "x", "--tasks", "classes:2", "--label", "answer")[2]
    )
    npz = tmp_path / "a.npz"
    np.savez(npz, x=np.random.default_rng(0).random((80, 1, 8, 8)), y=np.arange(80) % 5)
    how = ("--tasks", "classes:2", "--channels", "4,8", "--out", tmp_path / "run.json")
    assert said("data", "add", npz, "--name", "digits", *how)[0] == 0
    spec = RunSpec.model_validate(json.loads((tmp_path / "run.json").read_text()))
    assert (spec.preset, spec.head, spec.stream.class_counts) == ("own-digits", "multi", (2, 3))
    assert spec.network_name == "cnn-4-8-400-400"
    assert spec.layer_keys == ("1", "2", "3", "4", "output")
    assert preset("digits").pruning == spec.pruning
