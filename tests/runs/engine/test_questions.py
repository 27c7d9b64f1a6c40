"""Questions to a real engine about real candidates: what no stored curve has."""

import asyncio
import json
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress

import numpy as np
import psutil
import pytest
import sqlalchemy
from safetensors.numpy import save

from clnp_core.arithmetic import computing
from clnp_core.errors import StoreError
from clnp_core.methods import sparsify
from clnp_core.runs.background import end_engine, ensure_engine
from clnp_core.runs.engine import answers as answers_module
from clnp_core.runs.engine import service as engine_module
from clnp_core.runs.engine import work
from clnp_core.runs.engine.answers import Answers
from clnp_core.runs.engine.questions import ADDRESS_FILE, MOST_IMAGES, MOST_THRESHOLDS, ask, look, prepare
from clnp_core.runs.engine.service import Engine
from clnp_core.runs.fold.results import Settled
from clnp_core.runs.fold.stages import Stage, fit_stages
from clnp_core.runs.handle import RunHandle
from clnp_core.runs.spec import fork, preset
from clnp_core.runs.store import Store
from clnp_core.tasks.datasets import load
from tests.runs.conftest import serve, workers_of

SHORT = {"stream.tasks": 1, "epochs": 3, "single_task": False}
LONG = {"stream.tasks": 1, "epochs": 3000, "patience": 3000, "single_task": False}


@contextmanager
def serving(store: Store, scheduler: str, **settings) -> Iterator[Engine]:
    """An engine that serves the store in another thread, as it would in another process."""
    engine, begun = Engine(store, scheduler), threading.Event()
    loop: asyncio.AbstractEventLoop
    task: asyncio.Task

    async def serve() -> None:
        nonlocal loop, task
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        begun.set()
        await engine.serve(**settings)

    def run() -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    begun.wait()
    while store.engine() is None:
        time.sleep(0.01)
    try:
        yield engine
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(task.cancel)
        thread.join()


def fresh(store: Store, key: str, thetas: list[tuple[float, ...]], split: str = "validation") -> list[float]:
    """The answers, worked out in this process one by one."""
    stage = store.stage(key)
    candidate, stream = work.trained(stage, work.Context(store.artifacts))
    images = {"validation": stream.held_out, "test": stream.test}[split](stage.inputs["task"])
    with computing(1):
        points = [sparsify.prune_at(candidate.network, candidate.activities, [theta], images) for theta in thetas]
    return [point.accuracy for (point,) in points]


def some_thetas(store: Store, key: str, count: int = 12) -> list[tuple[float, ...]]:
    """Of all sizes, in no order: another one for each layer, and equal ones."""
    stored = store.artifacts.data(key)["curve"]
    layers, highest = len(stored[0]["theta"]), stored[-1]["theta"][0]
    drawn = np.random.default_rng(1).uniform(0, highest, (count, layers)) ** 2 / max(highest, 1)
    return [tuple(theta) for theta in drawn.tolist()] + [(0.0,) * layers, (highest,) * layers]


def only_candidate(store: Store, run: str, task: int = 1) -> str:
    (candidate,) = store.candidates(run, task)
    return candidate["key"]


def raw(store: Store, question: bytes) -> dict:
    """What the engine says to anything at all."""
    port = json.loads((store.location / ADDRESS_FILE).read_text())["port"]
    with socket.create_connection(("127.0.0.1", port), 5) as connection, connection.makefile() as lines:
        connection.sendall(question)
        return json.loads(lines.readline())


@pytest.fixture
def candidate(store: Store, learn) -> str:
    run, _ = learn(SHORT)
    return only_candidate(store, run)


def test_answers_are_those_of_the_stored_curve_and_of_a_fresh_evaluation(store, scheduler, candidate):
    curve = store.artifacts.data(candidate)["curve"]
    thetas = some_thetas(store, candidate)
    with serving(store, scheduler):
        assert ask(store, candidate, [point["theta"] for point in curve]) == [point["accuracy"] for point in curve]
        assert ask(store, candidate, thetas) == fresh(store, candidate, thetas)
        assert ask(store, candidate, thetas, "test") == fresh(store, candidate, thetas, "test")


def test_answers_are_what_pruning_there_comes_to(store, scheduler, learn):
    learn({**SHORT, "stream.tasks": 2})
    run, summary = learn({**SHORT, "stream.tasks": 2, "theta": [0.07, 0.4]})
    for task, record in enumerate(store.learned(run), start=1):
        key = only_candidate(store, run, task)
        with serving(store, scheduler):
            assert ask(store, key, [(0.07, 0.4)]) == [record.validation_accuracy]
            assert ask(store, key, [(0.07, 0.4)], "test") == [summary["accuracy"][task - 1][task - 1]]


def test_convolutions_and_a_head_for_each_task(tmp_path, scheduler):
    store = Store(tmp_path)
    tiny = {"stream.tasks": 2, "epochs": 2, "single_task": False, "theta": [0.05, 0.1, 0.2]}
    run, summary = serve(store, preset("split-digits-cnn", tiny), scheduler)
    key = only_candidate(store, run, 2)
    thetas = some_thetas(store, key, 5)
    with serving(store, scheduler):
        assert ask(store, key, thetas, "test") == fresh(store, key, thetas, "test")
        assert ask(store, key, [(0.05, 0.1, 0.2)]) == [store.learned(run)[1].validation_accuracy]
        assert ask(store, key, [(0.05, 0.1, 0.2)], "test") == [summary["accuracy"][1][1]]


@pytest.mark.parametrize("changes", [{}, {"head": "multi"}, {"method": "finetune"}, {"method": "superposition"}])
def test_what_a_network_makes_of_images_is_what_it_answers_and_came_to(tmp_path, scheduler, changes):
    store = Store(tmp_path)
    run, _ = serve(store, preset("digits", {**SHORT, "stream.tasks": 2, **changes}), scheduler)
    handle, images = RunHandle(store, run), [*range(MOST_IMAGES + 1)]
    with serving(store, scheduler):
        for task in (1, 2):
            examples = handle.examples(task)
            seen = examples.look(images)
            pairs = Counter(zip(examples.labels.tolist(), examples.answers.tolist(), strict=True))
            told = handle.confusion(task).itertuples(index=False)
            assert pairs == {(label, answer): count for label, answer, count in told}
            assert seen.probabilities.argmax(1).tolist() == examples.answers[images].tolist()
            assert np.allclose(seen.probabilities.max(1), examples.confidence[images])
            assert np.array_equal(seen.pixels, load("digits").x_test[images] / np.float32(16))
    spec = store.run(run).spec
    assert len(seen.activities) == (2 if spec.partitions else 0)
    if spec.partitions:
        test, _ = handle.test_set(2)
        hidden = handle.network(2)[:-1](test[images]).detach().numpy()
        own = hidden.shape[1]
        assert np.allclose(np.sort(seen.activities[-1], 1)[:, -own:], np.sort(hidden, 1), atol=1e-5)
        owner = store.artifacts.array(store.artifacts.read(store.settled(run)[2], Settled).network, "owners.1")
        assert not seen.activities[-1][:, owner == 0].any()


def test_what_was_asked_before_needs_no_engine(store, scheduler, candidate):
    with serving(store, scheduler):
        one, two = ask(store, candidate, [(0.1, 0.25), (1 / 3, 0)])
    assert ask(Store(store.location), candidate, [(1 / 3, 0.0), (0.1, 0.25)]) == [two, one]
    assert store.pruned_accuracies(candidate, "validation")[1 / 3, 0.0] == two
    assert not (store.location / ADDRESS_FILE).exists()
    with pytest.raises(StoreError, match=r"No engine serves the store .*; start one with: clnp engine"):
        ask(store, candidate, [(0.1, 0.25), (0.5, 0.5)])


def test_an_engine_that_was_killed_leaves_a_sentence(store, candidate):
    (store.location / ADDRESS_FILE).write_text('{"port": 9, "token": "of one that is gone"}')
    prepare(store, candidate)
    with pytest.raises(StoreError, match="No engine serves"):
        ask(store, candidate, [(0.6, 0.6)])
    with store.hold_engine(), pytest.raises(StoreError, match="did not answer in time"):
        ask(store, candidate, [(0.6, 0.6)], timeout=0.3)


def test_answers_come_while_all_workers_are_training(tmp_path, scheduler):
    store = Store(tmp_path)
    run, _ = serve(store, preset("digits", SHORT), scheduler)
    key = only_candidate(store, run)
    for seed in (1, 2):
        store.add(preset("digits", {**LONG, "seed": seed}))
    with serving(store, scheduler):
        while not all(store.epochs(each.id) for each in store.runs()):
            time.sleep(0.1)
        thetas = [(0.1 + step / 100, 0.3) for step in range(5)]
        assert [ask(store, key, [theta]) for theta in thetas] == [[each] for each in fresh(store, key, thetas)]
        assert all(each.state == "running" for each in store.runs()[:2])


def test_a_training_comes_to_the_same_while_questions_are_answered(store, learn, scheduler, tmp_path, candidate):
    longer = {**SHORT, "epochs": 40, "seed": 3}
    _, undisturbed = learn(longer, into=Store(tmp_path))
    run = store.add(preset("digits", longer))
    with serving(store, scheduler):
        step = 0
        while store.run(run).is_active:
            step += 1
            ask(store, candidate, [(step / 1000, step / 2000)])
    assert step > 5
    assert store.run(run).summary.to_json() | {"seconds": 0} == undisturbed | {"seconds": 0}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"token": "a guess"}, "The token is not the one"),
        ({"token": 5}, "The token is not the one"),
        ({"split": "train"}, "it should be 'validation' or 'test'"),
        ({"stage": "0" * 64}, "no trained candidate '0000"),
        ({"stage": "../../secrets"}, "no trained candidate"),
        ({"stage": None}, "no trained candidate"),
        ({"thetas": [[0.1, 0.1]] * (MOST_THRESHOLDS + 1)}, f"at most {MOST_THRESHOLDS}"),
        ({"thetas": [[0.1]]}, "should be 2 numbers"),
        ({"thetas": [[0.1, float("nan")]]}, "should be 2 numbers"),
        ({"thetas": [[0.1, float("inf")]]}, "should be 2 numbers"),
        ({"thetas": [[0.1, -1]]}, "should be 2 numbers"),
        ({"thetas": [["0.1", True]]}, "should be 2 numbers"),
        ({"thetas": [[10**400, 1]]}, "should be 2 numbers"),
        ({"thetas": "[]"}, "should be a list"),
    ],
)
def test_a_wrong_question_gets_a_sentence(asked_engine, wrong, sentence):
    store, candidate = asked_engine
    token = json.loads((store.location / ADDRESS_FILE).read_text())["token"]
    question = {"token": token, "stage": candidate, "split": "validation", "thetas": [[0.1, 0.1]], **wrong}
    answer = raw(store, json.dumps(question).encode() + b"\n")
    assert sentence in answer["error"]
    assert ask(store, candidate, [(0.1, 0.1)]) == fresh(store, candidate, [(0.1, 0.1)])


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"token": "a guess"}, "The token is not the one"),
        ({"stage": "0" * 64}, "no learned network '0000"),
        ({"stage": None}, "no learned network"),
        ({"task": 2}, "a number from 1 to 1"),
        ({"task": True}, "a number from 1 to 1"),
        ({"task": "1"}, "a number from 1 to 1"),
        ({"images": [0] * (MOST_IMAGES + 1)}, f"at most {MOST_IMAGES}"),
        ({"images": "[]"}, "should be a list"),
        ({"images": [-1]}, "a whole number from 0 up"),
        ({"images": [1.0]}, "a whole number from 0 up"),
        ({"images": [10**12]}, "there is no image 1000000000000; the task has 360"),
        ({"split": "test"}, "A question is a line of JSON"),
    ],
)
def test_a_wrong_question_about_images_gets_a_sentence(asked_engine, wrong, sentence):
    store, _ = asked_engine
    token = json.loads((store.location / ADDRESS_FILE).read_text())["token"]
    (settled,) = store.settled(store.runs()[0].id).values()
    question = {"token": token, "stage": settled, "task": 1, "images": [0], **wrong}
    assert sentence in raw(store, json.dumps(question).encode() + b"\n")["error"]
    assert len(look(store, settled, 1, [359])["labels"]) == 360


@pytest.mark.parametrize(
    "wrong", [b"\n", b"{\n", b"[1, 2]\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n", b"5" * 2**21 + b"\n"]
)
def test_what_is_no_question_gets_a_sentence(asked_engine, wrong):
    store, candidate = asked_engine
    assert "A question is a line of JSON" in raw(store, wrong)["error"]
    assert ask(store, candidate, [(0.1, 0.1)]) == fresh(store, candidate, [(0.1, 0.1)])


@pytest.fixture(scope="module")
def asked_engine(tmp_path_factory, scheduler) -> Iterator[tuple[Store, str]]:
    """A store with one candidate, and an engine that serves it."""
    store = Store(tmp_path_factory.mktemp("asked"))
    run, _ = serve(store, preset("digits", SHORT), scheduler)
    with serving(store, scheduler):
        while not (store.location / ADDRESS_FILE).exists():
            time.sleep(0.01)
        yield store, only_candidate(store, run)


def test_nobody_else_can_read_the_token(asked_engine):
    store, _ = asked_engine
    assert (store.location / ADDRESS_FILE).stat().st_mode & 0o777 == 0o600


def test_a_method_that_does_not_prune_has_nothing_to_ask_about(tmp_path, scheduler):
    store = Store(tmp_path)
    run, _ = serve(store, preset("digits", {**SHORT, "method": "finetune"}), scheduler)
    with serving(store, scheduler), pytest.raises(StoreError, match="the method finetune does not prune"):
        ask(store, only_candidate(store, run), [(0.1, 0.1)])


def test_a_candidate_that_diverged_has_nothing_to_ask_about(tmp_path, scheduler):
    store = Store(tmp_path)
    run, _ = serve(store, preset("digits", {**SHORT, "learning_rate": 1e38}), scheduler)
    with serving(store, scheduler), pytest.raises(StoreError, match="diverged, so it cannot be pruned"):
        ask(store, only_candidate(store, run), [(0.1, 0.1)])


def test_where_no_folder_is_shared_a_candidate_is_carried_to_the_worker(learn, scheduler, tmp_path, monkeypatch):
    monkeypatch.setattr(engine_module, "TOKEN_FILE", "another.token")  # what the workers look for is not there
    apart = Store(tmp_path)
    run, _ = learn({**SHORT, "stream.tasks": 2, "seed": 9}, into=apart)
    key = only_candidate(apart, run, 2)
    with serving(apart, scheduler):
        assert ask(apart, key, [(0.1, 0.2)]) == fresh(apart, key, [(0.1, 0.2)])


class LookedUp(Store):
    """Counts how often a stage is looked up: once for each question that has come."""

    times = 0

    def stage(self, key: str) -> Stage | None:
        self.times += 1
        return super().stage(key)


def test_the_same_question_twice_at_once_is_computed_once(tmp_path):
    store, spec = LookedUp(tmp_path), preset("digits", SHORT)
    (stage,) = fit_stages(spec, "data", 1, None, None)
    store.link(store.add(spec), stage, 0)
    store.artifacts.write(stage.key, save({}))
    computed = []

    questions = ([(1, 2), (3, 4)], [(3, 4), (5, 6)], [(1, 2), (1, 2)])

    async def evaluate(stage, split, thetas):
        computed.extend(thetas)
        while store.times < len(questions):
            await asyncio.sleep(0.01)
        return [theta[0] / 10 for theta in thetas]

    async def scenario():
        answers = Answers(store, evaluate, evaluate)
        await answers.open()
        with store.hold_engine():
            asked = await asyncio.gather(*(asyncio.to_thread(ask, store, stage.key, each) for each in questions))
        await answers.close()
        return asked

    assert asyncio.run(scenario()) == [[0.1, 0.3], [0.3, 0.5], [0.1, 0.1]]
    assert sorted(computed) == [(1, 2), (3, 4), (5, 6)]


class Clock:
    """Of an engine. It goes on when a test says so."""

    def __init__(self) -> None:
        self.now, self.looks = 0.0, 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.now


def test_an_engine_that_is_asked_is_not_idle(store, scheduler, candidate, monkeypatch):
    clock = Clock()
    for module in (engine_module, answers_module):
        monkeypatch.setattr(module, "time", clock)
    with serving(store, scheduler, idle_seconds=10):
        for step in range(3):
            clock.now += 9
            ask(store, candidate, [(0.7, step / 10)])
            looks = clock.looks
            while store.engine() is not None and clock.looks < looks + 3:
                time.sleep(0.01)
        assert store.engine() is not None
        clock.now += 11
        while store.engine() is not None:
            time.sleep(0.01)


def test_workers_of_its_own_answer_and_one_that_is_killed_is_replaced(tmp_path, scheduler):
    """The engine is a process of its own, and so are its workers; they start when the first question comes.

    By then the folder in which the engine was asked for may be gone.
    """
    store = Store(tmp_path)
    run, _ = serve(store, preset("digits", SHORT), scheduler)
    key = only_candidate(store, run)
    thetas = [(0.1, 0.1 + step / 10) for step in range(5)]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        ensure_engine(store)
    engine = psutil.Process(store.engine())
    try:
        prepare(store, key)
        answers = ask(store, key, thetas[:2])
        for worker in workers_of(engine):
            worker.kill()
        answers += ask(store, key, thetas[2:])
        assert answers == fresh(store, key, thetas)
    finally:
        end_engine(store)


def test_rivals_come_from_forks_and_from_other_runs_but_not_of_another_seed(store, learn, scheduler):
    grid = {**SHORT, "stream.tasks": 2, "lambda.2": [2e-3, 5e-4], "seed": 20}
    run, _ = learn(grid)
    other, _ = learn({**SHORT, "lambda.2": [1e-4, 5e-4], "learning_rate": [1e-2, 2e-2], "seed": 20})
    forked, _ = serve(store, fork(store.run(run).spec, 2, {"lambda.2": [4e-3]}), scheduler)
    learn({**SHORT, "lambda.2": 3e-3, "seed": 21})
    learn({**SHORT, "lambda.2": 3e-3, "seed": 20, "epochs": 5})

    def found(run: str, task: int) -> list[tuple]:
        rows = store.candidates(run, task)
        assert all(row["key"] in store.artifacts and row["seconds"] > 0 for row in rows)
        settings = [row["hyperparameters"] for row in rows]
        return [
            (row["candidate"], each["l1"][1], each["learning_rate"]) for row, each in zip(rows, settings, strict=True)
        ]

    own, rivals = found(run, 1)[:2], found(run, 1)[2:]
    assert own == [(0, 2e-3, 2e-2), (1, 5e-4, 2e-2)]
    assert sorted(rivals, key=str) == [(None, 0.0001, 0.01), (None, 0.0001, 0.02), (None, 0.0005, 0.01)]
    assert found(other, 1)[:4] == [(0, 1e-4, 1e-2), (1, 1e-4, 2e-2), (2, 5e-4, 1e-2), (3, 5e-4, 2e-2)]
    assert found(other, 1)[4:] == [(None, 2e-3, 2e-2)]
    assert found(run, 2)[1:] == [(None, 4e-3, 2e-2)]
    assert found(forked, 2)[0] == (0, 4e-3, 2e-2)
    assert found(run, 3) == []


def test_candidates_are_found_by_an_index_in_a_store_of_the_format_before_too(tmp_path):
    Store(tmp_path)
    with sqlite3.connect(tmp_path / "clnp.sqlite") as database:
        database.executescript(
            "DROP INDEX ix_stages_family; DROP TABLE pruned; ALTER TABLE epochs DROP COLUMN neurons;"
            "PRAGMA user_version = 3"
        )
    store, spec = Store(tmp_path), preset("digits", SHORT)
    run, asked = store.add(spec), []
    (stage,) = fit_stages(spec, "data", 1, None, None)
    store.link(run, stage, 0)
    sqlalchemy.event.listen(store._database, "before_cursor_execute", lambda *event: asked.append(event[2:4]))
    assert store.candidates(run, 1) == []  # its training is not over
    assert store.pruned_accuracies(stage.key, "test") == {}
    query, values = next(each for each in asked if "json_remove" in each[0])
    plan = sqlite3.connect(tmp_path / "clnp.sqlite").execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall()
    assert "SEARCH stages USING INDEX ix_stages_family" in str(plan)


def test_asking_needs_neither_torch_nor_distributed():
    program = (
        "import sys, clnp_core.runs.engine.questions, clnp_core.runs.store\n"
        "sys.exit(bool({'torch', 'distributed'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(("task", "head"), [(1, "single"), (2, "single"), (2, "multi")])
def test_what_is_kept_at_hand_changes_no_answer(learn, store, task, head):
    run, _ = learn({**SHORT, "stream.tasks": 2, "head": head})
    stage = store.stage(only_candidate(store, run, task))
    candidate, stream = work.trained(stage, work.Context(store.artifacts))
    thetas, images = some_thetas(store, stage.key), stream.held_out(task)
    with computing(1):
        expected = fresh(store, stage.key, thetas)
        for room in (0, 200_000, 400_000, 10**9):
            prepared = sparsify.Prepared(candidate.network, candidate.activities, images, room)
            assert prepared.accuracies(thetas) == expected
            assert [prepared.accuracies([theta])[0] for theta in thetas] == expected
