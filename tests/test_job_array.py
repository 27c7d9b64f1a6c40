"""Commands that begin at the same instant on one store, and are killed: a small one of `benchmarks.jobs`."""

import random

from benchmarks.jobs import carry_out, differences
from clnp_core.runs.store import Store


def test_jobs_that_are_killed_and_begun_again_end_as_they_would_have(tmp_path, scheduler, monkeypatch):
    monkeypatch.setenv("CLNP_SCHEDULER", scheduler)
    status = carry_out(tmp_path / "killed", jobs=3, kills=3, dice=random.Random(0), pause=0.5)
    assert status == {"killed": 3, "exit 0": 3}
    assert differences(Store(tmp_path / "killed"), Store(tmp_path / "calm"), 3, scheduler) == []
