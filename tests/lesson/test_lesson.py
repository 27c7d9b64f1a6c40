"""The lesson's numbers: that they ship small and whole, and are what the engine computes."""

import asyncio
import os
import subprocess
import sys
from dataclasses import asdict
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from clnp_core.arithmetic import kind
from clnp_core.lesson.parts import (
    FILE,
    HELD,
    PARTS,
    about,
    as_trade_off,
    claimed_later,
    learned_well,
    measure,
    neurons_needed,
    shipped,
)
from clnp_core.lesson.runs import LAMBDAS, MARGINS, RUNS, TASKS, ask, find
from clnp_core.lesson.stored import accuracy, digits, plain_network, seen, uncut
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.spec import RunSpec, parse
from clnp_core.runs.store import Store
from tests.made_up import summary

MOST_BYTES = 2**20
ONE_LAMBDA = LAMBDAS[3]
LEARNED = 0.1
"""How far a number may be off where another kind of arithmetic computed it: no less than with another seed.

Sums are taken in another order there, and a training goes another way. Accuracies on what has just been learned, and
what is measured of weights, are up to 0.07 apart between any two of six seeds.
"""
FORGOTTEN = 0.5
"""The same of a task that plain training has left or is about to reach: up to 0.45 apart."""


def shortened(name: str, tasks: int, **changes: object) -> RunSpec:
    """A run of the lesson that goes less far; as far as it goes it computes the same."""
    data = RUNS[name].to_json() | {"single_task": False} | changes
    data["stream"]["tasks"] = tasks
    return parse(data)


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory, scheduler: str) -> tuple[Store, dict[str, str]]:
    """A store in which the engine has computed the beginnings of some of the runs, by name."""
    store = Store(tmp_path_factory.mktemp("store"))
    coefficients = RUNS["sparsity"].to_json()["lambda"] | {"2": [ONE_LAMBDA]}
    specs = {
        "finetune": shortened("finetune", 2),
        **{name: shortened(name, 2) for name in HELD},
        "clnp": shortened("clnp", 2),
        "interference": shortened("interference", 1),
        "sparsity": shortened("sparsity", 1, **{"lambda": coefficients}),
        "gradual": shortened("gradual", 1),
    }
    runs = {name: store.add(spec) for name, spec in specs.items()}
    asyncio.run(Engine(store, scheduler).serve(until=list(runs.values())))
    assert {store.run(run).state for run in runs.values()} == {"finished"}
    return store, runs


def same_arithmetic() -> bool:
    """Whether what ships was computed with arithmetic of the same kind as here."""
    return about().get("kind") == asdict(kind()) and about()["numpy"] == np.__version__


def alike(here: object, ships: object, elsewhere: float = LEARNED) -> None:
    """Equal to the bit where the arithmetic is of the same kind; else no further apart than that."""
    if same_arithmetic():
        assert here == ships
    else:
        assert np.asarray(here) == pytest.approx(np.asarray(ships), abs=elsewhere)


def test_what_ships_is_small_and_says_where_it_comes_from():
    assert (resources.files("clnp_core.lesson") / FILE).stat().st_size < MOST_BYTES
    assert set(about()) >= {"date", "processor", "cores", "python", "torch", "numpy", "clnp", "seed", "seconds"}
    assert set(about()["seconds"]) == set(PARTS)
    assert all(PARTS[part].headlines(shipped(part)) for part in PARTS)


def test_reading_it_imports_no_torch():
    code = "import sys, clnp_core.lesson.parts as parts; parts.shipped('sparsity'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_fine_tuning_forgets_as_the_engine_computes_it(computed: tuple[Store, dict[str, str]]):
    here, ships = measure(computed[0], "forgetting", computed[1]), shipped("forgetting")
    for matrix, ones in ((here["accuracy"], ships["accuracy"]), *((here["held"][n], ships["held"][n]) for n in HELD)):
        for row, other in zip(matrix, ones, strict=False):
            alike(row[-1], other[-1])
            alike(row[:-1], other[:-1], FORGOTTEN)
    assert here["accuracy"][1][0] < here["accuracy"][0][0] - 0.2
    assert all(ships["accuracy"][-1][0] < held[-1][0] for held in ships["held"].values())
    assert shipped("forgetting")["accuracy"][-1][0] < 0.5


def test_the_way_between_two_tasks_is_that_between_their_networks(computed: tuple[Store, dict[str, str]]):
    here, ships = measure(computed[0], "between", computed[1]), shipped("between")
    assert here["share"] == ships["share"]
    alike(here["moved"], ships["moved"])
    for name in ("task_1", "task_2"):
        alike(here[name], ships[name], FORGOTTEN)
    first, second = computed[0].learned(computed[1]["finetune"])
    assert here["task_1"][0] == first.accuracy[0]
    assert (here["task_1"][-1], here["task_2"][-1]) == second.accuracy


def test_answers_stay_the_same_to_the_bit_and_are_the_engines(computed: tuple[Store, dict[str, str]]):
    store, runs = computed
    here, ships = measure(store, "identity", runs), shipped("identity")
    assert len(set(here["clnp"]["sha256"])) == len(set(ships["clnp"]["sha256"])) == 1
    assert len(set(ships["finetune"]["sha256"])) == TASKS
    for name in ("clnp", "finetune"):
        if same_arithmetic():
            assert here[name]["sha256"] == ships[name]["sha256"][:2]
            assert here[name]["logits"] == ships[name]["logits"][:2]
    images = seen(digits().x_test, np.arange(64))  # task 1 sees them as they are
    for after, record in enumerate(store.learned(runs["clnp"]), start=1):
        logits = plain_network(store, runs["clnp"], after).logits(images, task=1)
        assert accuracy(logits) == record.accuracy[0]


def test_answers_do_not_depend_on_the_number_of_threads():
    code = """
import hashlib, numpy as np
from clnp_core.lesson.stored import Plain
draw = np.random.default_rng(0)
array = lambda *shape: draw.standard_normal(shape).astype(np.float32)
plain = Plain((array(400, 64), array(400, 400)), (array(400), array(400)), array(10, 400), np.ones(400, np.int16))
print(hashlib.sha256(plain.logits(array(800, 64)).tobytes()).hexdigest())
"""

    def with_threads(count: int) -> bytes:
        environment = os.environ | {"OPENBLAS_NUM_THREADS": str(count)}
        return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment).stdout

    assert with_threads(1) == with_threads(2)


def test_interference_left_in_is_what_the_cut_takes_away(computed: tuple[Store, dict[str, str]]):
    store, runs = computed
    here, ships = measure(store, "interference", runs), shipped("interference")
    alike(here["cut"], ships["cut"][:1])
    alike(here["left"], ships["left"][:1])
    assert len(set(ships["cut"])) == 1
    assert ships["left"][-1] < ships["cut"][-1] < ships["left"][0]
    run = runs["interference"]
    kept, (whole, links) = plain_network(store, run, 1), uncut(store, run, 1)
    changed = kept.weights[1] != whole.weights[1]
    assert changed.sum() == np.count_nonzero(links)
    assert links.size == here["weights"]
    alike(here["median"], ships["median"])
    assert ships["with_l1"]["median"] < ships["median"] / 10
    assert not kept.weights[1][changed].any()
    assert (kept.owner[changed.any(1)] == 1).all()


def test_candidates_are_those_the_engine_trains(computed: tuple[Store, dict[str, str]]):
    here, ships = (data["candidates"] for data in (measure(computed[0], "sparsity", computed[1]), shipped("sparsity")))
    by_lambda = {each["lambda"][1]: each for each in ships}
    assert [each["lambda"][1] for each in here] == [ONE_LAMBDA]
    assert list(by_lambda) == list(LAMBDAS)
    for each in here:
        if same_arithmetic():
            assert each == by_lambda[each["lambda"][1]]
        else:
            alike(each["accuracy"], by_lambda[each["lambda"][1]]["accuracy"])


def test_a_network_pruned_while_it_trains_shrinks_as_the_engine_has_it(computed: tuple[Store, dict[str, str]]):
    here, ships = measure(computed[0], "gradual", computed[1]), shipped("gradual")
    assert here["layers"] == ships["layers"]
    for when in ("while", "after"):
        alike(here[when]["accuracy"][-1], ships[when]["accuracy"][-1])
        alike(here[when]["test"], ships[when]["test"])
        assert len(ships[when]["free"]) == TASKS
        for told in (here[when], ships[when]):
            assert told["neurons"][0] == list(RUNS["gradual"].architecture.widths)
            assert len(told["accuracy"]) == len(told["neurons"])
            assert (np.diff(told["neurons"], axis=0) <= 0).all()
            assert np.add(told["free"][0], told["neurons"][-1]).tolist() == told["neurons"][0]
    assert len(ships["while"]["neurons"]) == len(ships["after"]["neurons"])  # side by side on one slider
    assert sum(ships["while"]["neurons"][-2]) < sum(ships["after"]["neurons"][-1])


def test_a_curves_neurons_follow_from_the_activities():
    tradeoff = as_trade_off(shipped("sparsity"))
    for candidate in tradeoff.candidates:
        assert [len(layer) for layer in candidate.free] == list(tradeoff.before.widths)
        assert [candidate.claimed(point.theta) for point in candidate.curve.points] == [
            point.claimed for point in candidate.curve.points
        ]
    table = neurons_needed(tradeoff)
    assert list(table["lambda"]) == list(LAMBDAS)
    assert table["layer 2"].min() < table["layer 2"][0] / 10


def test_neurons_of_a_full_network_add_up():
    sequences = shipped("full")["sequences"]
    assert [each["margin"] for each in sequences] == list(MARGINS)
    for sequence in sequences:
        for layer in sequence["layers"]:
            assert layer["free_after"] == (layer["width"] - np.cumsum(layer["claimed"])).tolist()
        assert sequence["layers"][-1]["free"] == 0
        assert learned_well(sequence) > TASKS


def test_no_task_uses_more_neurons_than_there_are():
    for table in (*shipped("reuse").values(), *shipped("alike")["tables"]):
        assert all(used <= neurons for used, neurons in zip(table["used"], table["neurons"], strict=True))
        assert max(table["task"]) == TASKS


def test_the_less_tasks_have_in_common_the_more_is_claimed_anew():
    claimed = list(map(claimed_later, shipped("alike")["tables"]))
    assert claimed == sorted(claimed)
    assert claimed[0] < claimed[-1] / 5


def test_a_run_that_a_store_has_is_not_asked_for_again(tmp_path: Path):
    store = Store(tmp_path)
    first = ask(store, "finetune")
    assert ask(store, "finetune") == first
    store.pause(first)
    assert ask(store, "finetune") == first
    assert store.run(first).state == "queued"
    store.cancel(first)
    assert find(store.runs(), "finetune") is None
    second = ask(store, "finetune")
    store.start(second)
    store.finish(second, summary())
    third = store.add(RUNS["finetune"])
    assert find(store.runs(), "finetune").id == second != third
