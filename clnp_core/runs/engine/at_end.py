"""Measures of a finished run by which methods are compared, and which take a forward pass.

Without being told the task, a method gives the answer of every task to an image, and the one with the lowest entropy of
its softmax counts, of several equal ones the first task's. It is right if its class is the image's, as the data calls
it: where tasks share their classes, as permuted ones do, another task's answer may be right. The accuracy is the mean
over the tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import torch
from torch import Tensor
from torch.nn.functional import pad

from clnp_core.methods import METHODS
from clnp_core.methods.method import Method, Predictor
from clnp_core.methods.training import accuracy
from clnp_core.networks.network import Network
from clnp_core.runs.engine.stored import stored_network
from clnp_core.runs.fold.results import Measured
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.store.artifacts import Artifacts
from clnp_core.tasks.streams import Stream, open_stream

_BATCH = 1024


def measured_at_end(stage: Stage, artifacts: Artifacts, pulse: Callable[[], None]) -> Measured:
    """Carry out a stage that measures what methods are compared by."""
    inputs, method = stage.inputs, METHODS[stage.inputs["method"]]
    stream = open_stream(inputs["stream"], inputs["seed"], inputs["task"])
    networks = {int(task): stored_network(artifacts, key) for task, key in inputs["networks"].items()}
    lessons = [networks[task] for task in sorted(networks)]
    answering = predictors(method, networks, inputs["task"])
    validation = []
    for task, predict in enumerate(answering, start=1):
        pulse()
        validation.append(accuracy(predict, stream.held_out(task), inputs["measure"]))
    untold = None
    if method.answers_by_task(inputs["head"]):
        untold = untold_accuracy(answering, stream, inputs["classes"], pulse)
    return Measured(
        memory=tuple(method.bytes_kept(lessons[: place + 1], stream) for place in range(len(lessons))),
        validation=tuple(validation),
        untold_accuracy=untold,
    )


def predictors(method: Method, networks: Mapping[int, Network], tasks: int) -> list[Predictor]:
    """Give the answers for each task: of the last network or, where that has none, of the one after the task.

    `networks` are those after each lesson, by task.
    """
    found = []
    for task in range(1, tasks + 1):
        predict = method.predictor(networks[tasks], task) or method.predictor(networks[task], task)
        assert predict is not None  # just after a task is learned there is an answer
        found.append(predict)
    return found


def untold_accuracy(
    answering: Sequence[Predictor],
    stream: Stream,
    classes: Sequence[Sequence[str]],
    pulse: Callable[[], None] = lambda: None,
) -> float:
    """Compute the accuracy on the test images of all tasks without being told the task, a fraction.

    `classes` are the names of each task's classes, in the order of its outputs.
    """
    numbers = {name: place for place, name in enumerate(dict.fromkeys(each for own in classes for each in own))}
    numbered = [torch.tensor([numbers[name] for name in own]) for own in classes]
    shares = []
    for task, own in enumerate(numbered, start=1):
        split, right = stream.test(task), 0
        for start in range(0, len(split), _BATCH):
            pulse()
            rows = slice(start, start + _BATCH)
            right += int((_surest(answering, numbered, split.x[rows]) == own[split.y[rows]]).sum())
        shares.append(right / len(split))
    return fmean(shares)


def _surest(answering: Sequence[Predictor], classes: Sequence[Tensor], x: Tensor) -> Tensor:
    """The class of the answer with the lowest entropy, int64 [batch]."""
    lowest = torch.full((len(x),), torch.inf, dtype=torch.float64)
    answers = torch.zeros(len(x), dtype=torch.int64)
    with torch.no_grad():
        for predict, numbers in zip(answering, classes, strict=True):
            log_p = predict(x).double().log_softmax(1)  # in 64 bits, or sure answers would all have an entropy of 0
            entropy = -(log_p.exp() * log_p).sum(1)
            surer = entropy < lowest
            own = pad(numbers, (0, log_p.shape[1] - len(numbers)), value=-1)  # outputs that stand for no class
            answers = torch.where(surer, own[log_p.argmax(1)], answers)
            lowest = torch.where(surer, entropy, lowest)
    return answers
