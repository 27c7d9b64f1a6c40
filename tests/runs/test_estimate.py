"""How long runs will take: from figures that are known, and from what a store has."""

import pytest

from clnp_core.runs import estimate as module
from clnp_core.runs.estimate import estimate, seconds_left
from clnp_core.runs.fold.stages import fit_stages
from clnp_core.runs.spec import fork, preset, preset_names
from clnp_core.runs.store import Store
from tests.made_up import epoch

SHORT = {"single_task": False, "stream.tasks": 4}


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cores", lambda: 2)


def seconds(name: str, changes: dict | None = None) -> float:
    """Of training, where nothing was measured here."""
    return estimate(preset(name, changes)).seconds - module.START_SECONDS


@pytest.mark.parametrize("name", module._MEASURED)
def test_what_was_measured_elsewhere_is_told_as_it_was(name: str):
    told = estimate(preset(name))
    assert told.seconds == pytest.approx(module._MEASURED[name])
    assert not told.here


def test_every_preset_is_known_in_words():
    told = {name: str(estimate(preset(name))) for name in preset_names()}
    assert told["digits"] == "about 15 s"
    assert told["permuted-mnist-quick"] == "about 3 min"
    assert told["permuted-mnist-paper"] == "about 49 min"
    assert told["split-cifar-narrow"].endswith(" h")
    assert told["split-cifar-wide"].endswith(" days")


def test_more_work_takes_longer_and_candidates_share_the_cores():
    one = seconds("digits", SHORT)
    assert seconds("digits", SHORT | {"epochs": 120}) == pytest.approx(2 * one)
    assert seconds("digits", SHORT | {"method": "joint"}) == pytest.approx(one)
    pair = {"lambda.2": [1e-3, 2e-3], "search": "every-task"}
    assert seconds("digits", SHORT | pair) == pytest.approx(one)
    three = {"lambda.2": [1e-3, 2e-3, 3e-3], "search": "every-task"}
    assert seconds("digits", SHORT | three) == pytest.approx(2 * one)
    tuned = {"fine_tuning": {"epochs": 15, "learning_rate": 1e-3, "rounds": 2}}
    assert seconds("digits", SHORT | tuned) == pytest.approx(1.5 * one)


def test_of_two_that_were_measured_the_one_of_the_nearer_number_of_epochs_tells():
    by_epochs = {epochs: seconds("permuted-mnist-paper", {"epochs": epochs}) / epochs for epochs in (4, 30, 40, 300)}
    assert by_epochs[4] == pytest.approx(by_epochs[30])
    assert by_epochs[40] == pytest.approx(by_epochs[300])
    assert by_epochs[40] < by_epochs[30] / 2


def test_tasks_count_by_their_images():
    first = seconds("split-cifar-quick", {"epochs": 1, "stream.tasks": 1})
    assert seconds("split-cifar-quick", {"epochs": 1, "stream.tasks": 3}) == pytest.approx(1.2 * first)


def test_a_fork_takes_what_it_learns_anew():
    spec = preset("digits", SHORT)
    forked = estimate(fork(spec, 3, {}), first_task=3)
    assert forked.seconds - module.START_SECONDS == pytest.approx(seconds("digits", SHORT) / 2)


@pytest.mark.parametrize("changes", [{"device": "cuda"}, {"batch_size": 128}])
def test_what_nothing_was_measured_of_is_not_known(changes: dict, tmp_path):
    assert estimate(preset("digits", changes), Store(tmp_path)) is None


def test_a_run_takes_what_the_epochs_of_another_one_in_the_store_foretell(tmp_path):
    """The first epoch warms up, and says nothing."""
    store, trained = Store(tmp_path), preset("digits", SHORT | {"stream.tasks": 1})
    (stage,) = fit_stages(trained, "data", 1, None, None)
    store.link(store.add(trained), stage, 0)
    store.put_epochs((stage.key, epoch(1 + place, seconds=each)) for place, each in enumerate([9, 2, 4]))
    told = estimate(preset("digits", SHORT | {"stream.tasks": 3, "epochs": 80}), store)
    assert told.here
    assert told.seconds - module.START_SECONDS == pytest.approx(3 * 80 * 3)


def test_epochs_that_prune_have_a_speed_of_their_own(tmp_path):
    store = Store(tmp_path)
    for pruning, each in (("after", 2), ("gradual", 1)):
        trained = preset("digits", SHORT | {"stream.tasks": 1, "pruning": pruning})
        (stage,) = fit_stages(trained, "data", 1, None, None)
        store.link(store.add(trained), stage, 0)
        store.put_epochs([(stage.key, epoch(seconds=each))])
    after, gradual = (
        estimate(preset("digits", SHORT | {"pruning": pruning}), store).seconds - module.START_SECONDS
        for pruning in ("after", "gradual")
    )
    assert after == pytest.approx(2 * gradual)


def test_methods_and_training_alone_have_speeds_of_their_own(learn, tmp_path):
    store = Store(tmp_path)
    learn({"stream.tasks": 1, "epochs": 8, "single_task": True}, into=store)
    trainings = store.trainings_like(preset("digits").architecture, 64, "cpu")
    assert {training["method"] for training in trainings} == {"clnp", "single"}
    assert all(training["task"] == 1 and training["seconds"] > 0 for training in trainings)
    assert store.trainings_like(preset("digits").architecture, 32, "cpu") == []


def test_runs_that_wait_take_as_long_as_those_at_work(tmp_path):
    store = Store(tmp_path)
    runs = [store.add(preset("digits", {"seed": seed})) for seed in range(5)]

    def left() -> float | None:
        return seconds_left([store.run(run) for run in runs])

    assert left() is None
    store.put_progress(runs[0], 5.0, 0.5, 5.0)
    store.put_progress(runs[1], 5.0, 0.25, 15.0)
    assert left() == (5 + 15 + 3 * 15) / 2
    for run in runs[2:]:
        store.leave(run, "paused")
    assert left() == 15
