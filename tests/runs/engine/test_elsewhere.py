"""Half a run here, the rest on a processor with fewer instructions: rounding, not forgetting."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import safetensors.torch
import torch

from clnp_core.arithmetic import kind
from clnp_core.networks.architectures import architecture_data
from clnp_core.runs.engine.work import Context, perform
from clnp_core.runs.fold import stages
from clnp_core.runs.spec import preset
from clnp_core.runs.store import Store
from clnp_core.runs.store.artifacts import Artifacts
from clnp_core.runs.views.verify import verify
from clnp_core.tasks.content import content_digest
from tests.project import ROOT, address_of
from tests.runs.conftest import identical, serve
from tests.test_arithmetic import OTHERWISE

SHORT = {"single_task": False, "stream.tasks": 3, "epochs": 6}


@pytest.fixture(scope="module")
def elsewhere():
    """Address of a Dask scheduler whose worker has fewer instructions."""
    command, pipes = [sys.executable, "-m", "tests.cluster", "1"], dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    with address_of(subprocess.Popen(command, cwd=ROOT, env=os.environ | OTHERWISE, text=True, **pipes)) as address:
        yield address


@pytest.mark.parametrize("name", ["digits", "split-digits-cnn"])
def test_the_rest_of_a_run_is_learned_on_another_kind_of_processor(name, tmp_path, scheduler, elsewhere, said):
    store = Store(tmp_path)
    first, _ = serve(store, preset(name, SHORT | {"stream.tasks": 2}), scheduler)
    settings = [f"--set={path}={value}".lower() for path, value in SHORT.items()]
    status, shown, _ = said("run", name, "--scheduler", elsewhere, "--store", tmp_path, *settings)
    assert status == 0
    assert "no longer" not in shown
    assert "identical to the bit" not in shown
    (run,) = (run for run in store.runs() if run.id != first)
    learned = store.learned(run.id)
    assert learned[:2] == store.learned(first)  # shared, not learned again
    assert learned[2].rounded == (1, 2)
    assert run.summary.identical_logits is False
    assert any(str(kind()) in note and "(1, 2)" in note for note in run.summary.notes)

    # From here all three were last computed there; those of the first run here.
    status, shown, _ = said("verify", run.id, "--store", tmp_path)
    assert (status, shown.count("the same to 1e-05 of its largest logit; it was learned on")) == (0, 3)
    assert {found.capability for _, found in verify(store, run.id)} == {"DEFAULT"}
    assert identical(store, first) == [1, 2]


def test_verify_says_elsewhere_where_the_numbers_come_from(tmp_path, scheduler):
    run, _ = serve(Store(tmp_path), preset("digits", SHORT | {"stream.tasks": 1, "epochs": 2}), scheduler)
    verify = [sys.executable, "-m", "clnp_core.cli", "verify", run, "--store", str(tmp_path)]
    said = subprocess.check_output(verify, env=os.environ | OTHERWISE, text=True)
    assert f"it was learned on {kind()}" in said


def test_threads_of_a_worker_share_no_chance(tmp_path):
    """As a Dask worker of two threads: a grid of a network with dropout, side by side and one after the other."""
    spec = preset("split-digits-cnn", {"epochs": 2, "learning_rate": [1e-3, 2e-3, 3e-3, 4e-3]})
    network = architecture_data(spec.architecture)
    network["hidden"] = [layer | {"dropout": 0.3} for layer in network["hidden"]]
    spec = preset("split-digits-cnn", {"epochs": 2, "learning_rate": [1e-3, 2e-3, 3e-3, 4e-3], "network": network})
    fits = stages.fit_stages(spec, content_digest(spec.stream.model_dump(mode="json")), 1, None, None)

    def trained(stage):
        made = perform([stage], Context(Artifacts(tmp_path)))
        return safetensors.torch.load(made[stage.key])

    with ThreadPoolExecutor(2) as pool:
        beside = list(pool.map(trained, fits))
    for one, other in zip(beside, map(trained, fits), strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
