"""Keys of stages: the hash of what the result depends on, and of nothing else."""

import pytest

from clnp_core.runs.fold import stages
from clnp_core.runs.spec import preset

FITS = (
    *("seed", "lambda.1", "learning_rate", "cooldown", "batch_size", "epochs", "patience", "stream.validation"),
    *("shrink", "cache_mb", "device", "measure", "stream.share"),
)


def keys(changes, task=1):
    spec = preset("digits", changes)
    fits = stages.fit_stages(spec, "data", task, None, None)
    return fits[0].key, stages.settle_stage(spec, "data", task, None, fits, (), []).key


@pytest.mark.parametrize("name", FITS)
def test_what_training_depends_on_changes_the_key(name):
    values = {"lambda.1": 5e-4, "learning_rate": 1e-3, "cooldown": 0.25, "shrink": "progressive", "device": "cuda"}
    values |= {"measure": "balanced", "stream.share": 0.5}
    fit, settle = keys({name: values.get(name, 7)})
    assert (fit != keys({})[0], settle != keys({})[1]) == (True, True)


@pytest.mark.parametrize(("name", "value"), [("margin", 0.3), ("theta_mode", "per-layer"), ("theta", 0.2)])
def test_what_acts_on_a_trained_network_leaves_the_training_alone(name, value):
    fit, settle = keys({name: value})
    assert fit == keys({})[0]
    assert settle != keys({})[1]


def test_how_neurons_are_pruned_while_it_trains_is_a_part_of_training():
    gradual = {"pruning": "gradual"}
    fits = {keys(gradual | more)[0] for more in ({}, {"gradual.tolerance": 0.3}, {"gradual.theta_mode": "per-layer"})}
    assert len(fits | {keys({"pruning": "after"})[0]}) == 4
    assert keys(gradual | {"margin": 0.3, "theta_mode": "per-layer"})[0] in fits
    assert keys({"pruning": "after", "gradual.first_epoch": 9}) == keys({"pruning": "after"})


@pytest.mark.parametrize(
    ("name", "value"), [("stream.tasks", 3), ("stream.share", 1), ("about", "x"), ("single_task", False)]
)
def test_what_the_result_does_not_depend_on_leaves_the_keys(name, value):
    assert keys({name: value}) == keys({})


def test_a_seed_of_the_stream_is_part_of_the_keys_where_it_is_another_than_the_runs():
    assert keys({"stream.seed": 3, "seed": 3}) == keys({"seed": 3})
    every = [keys({"stream.seed": stream, "seed": seed})[0] for stream in (None, 0, 1) for seed in (0, 1)]
    assert len(set(every)) == 4


def test_a_stream_of_its_own_seed_is_drawn_once_for_every_training():
    fixed, free = ([preset("digits", {"stream.seed": own, "seed": seed}) for seed in (1, 2)] for own in (7, None))
    for specs, count in ((fixed, 1), (free, 2)):
        assert len({stages.stream_stage(spec, "data").key for spec in specs}) == count


def test_a_candidate_has_the_same_key_in_any_grid():
    grid = stages.fit_stages(preset("digits", {"lambda.2": [1e-4, 1e-3]}), "data", 1, None, None)
    assert [stage.key for stage in grid][1] == keys({})[0]


def test_other_data_or_another_network_change_the_key():
    spec = preset("digits")
    one = stages.fit_stages(spec, "data", 2, "a" * 64, None)[0]
    assert one.key != stages.fit_stages(spec, "other", 2, "a" * 64, None)[0].key
    assert one.key != stages.fit_stages(spec, "data", 2, "b" * 64, None)[0].key
    assert one.needs == ["a" * 64]
