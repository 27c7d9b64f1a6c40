"""What is computed on a device stays there: every method, on a device that mixes with no other."""

import pytest

from clnp_core.methods import METHODS
from clnp_core.runs.engine import work
from clnp_core.runs.engine.work import Context
from clnp_core.runs.spec import preset
from clnp_core.runs.store.artifacts import Artifacts
from tests import other_device
from tests.runs.engine.test_work import NORMALISED, learned

FEW_ROUNDS = {"anpyc.prune": 20, "anpyc.step": 20}
EACH_METHOD = [("digits", {"method": name, **(FEW_ROUNDS if name == "anpyc" else {})}) for name in METHODS]
NORMALISED_ONES = [
    ("split-digits-cnn", {"method": name, "network": NORMALISED}) for name in ("clnp", "joint", "si", "superposition")
]
PRUNED_OTHERWISE = [
    ("digits", {"pruning": "gradual", "gradual.criterion": "taylor", "gradual.theta_mode": "per-layer"}),
    ("digits", {"theta_mode": "per-layer", "pruning": "after", "single_task": True}),
    ("digits", {"pruning": "after", "fine_tuning": {"epochs": 1, "learning_rate": 1e-4}}),
]


@pytest.mark.parametrize(("name", "changes"), EACH_METHOD + NORMALISED_ONES + PRUNED_OTHERWISE)
def test_it_learns_there_what_it_learns_here(name, changes, tmp_path, monkeypatch):
    spec = preset(name, {"epochs": 2, "stream.tasks": 2, **changes})

    def context(folder):
        return Context(Artifacts(folder), checkpoint_pause=0, checkpoint_epochs=1)

    here = learned(spec, context(tmp_path / "here"))
    with other_device.pretended() as device:
        monkeypatch.setattr(work, "_device", lambda stage: device)
        there = learned(spec, context(tmp_path / "there"))
    assert [record.accuracy for record in there] == [record.accuracy for record in here]
