"""The fold of a run over its tasks: which stage follows which. Imports no torch.

The engine follows it over results that its workers compute, an archive over results that are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from clnp_core.analysis.epochs import ALONE, TUNED
from clnp_core.networks.fingerprint import Fingerprint
from clnp_core.runs.fold import stages
from clnp_core.runs.fold.results import Alone, Changed, Measured, Record, Result, Settled
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.fold.summary import is_depleted
from clnp_core.runs.spec import RunSpec


@dataclass
class Wanted:
    """Stages that wait for none of each other. Whoever follows has their results here before the next step.

    Attributes
    ----------
    stages : list of (Stage, int)
        Each with its candidate's number.
    results : list of Result
        In the order of the stages.
    """

    stages: list[tuple[Stage, int]]
    results: list[Result] = field(default_factory=list)


@dataclass
class Learned:
    """A task has been learned. Training it alone, if the run does, is for whoever follows: no later stage needs it.

    Attributes
    ----------
    record : Record
        `single_task_accuracy` is None until `alone_trained`.
    alone : Stage or None
    """

    record: Record
    alone: Stage | None

    def alone_trained(self, result: Result) -> None:
        """Take the result of `alone` into the record."""
        assert isinstance(result, Alone)
        self.record = self.record.model_copy(update={"single_task_accuracy": result.accuracy})


def course(spec: RunSpec, data_digest: str) -> Iterator[Wanted | Learned]:
    """The steps of a run in their order.

    Parameters
    ----------
    data_digest : str
        Of the content of its data sets.
    """
    yield Wanted([(stages.stream_stage(spec, data_digest), 0)])
    network: str | None = None
    settled: dict[str, Any] | None = None
    fingerprints: tuple[Fingerprint, ...] = ()
    records: list[Record] = []
    networks: dict[int, str] = {}
    for task in spec.lessons:
        own = spec.at(task)
        grown = spec.growth(task, _free_shares(records[-1])) if records else ()
        if any(grown):
            assert network is not None  # of the task before
            grow = Wanted([(stages.grow_stage(own, data_digest, task, network, fingerprints, grown), 0)])
            yield grow
            [result] = grow.results
            assert isinstance(result, Changed)
            network, fingerprints = result.network, result.fingerprints
        if is_depleted(spec, records) and not any(grown[-1:]):
            return
        fits = stages.fit_stages(own, data_digest, task, network, None if spec.searches(task) else settled)
        yield Wanted([(fit, place) for place, fit in enumerate(fits)])
        rounds = stages.tune_stages(own, data_digest, task, network, fits)
        for tune in rounds:
            yield Wanted([(tune, TUNED)])
        measured = records[-1].accuracy if records else ()
        last = rounds[-1:] or fits
        settle = Wanted([(stages.settle_stage(own, data_digest, task, network, last, fingerprints, measured), 0)])
        yield settle
        [result] = settle.results
        assert isinstance(result, Settled)
        network, settled, fingerprints = result.network, result.hyperparameters, result.fingerprints
        told: dict[str, Any] = {"grown": tuple(grown), "single_task_accuracy": None}
        if "settings" in settled:
            told["settings"] = settled["settings"]
        records.append(result.record.model_copy(update=told))
        networks[task] = network
        if own.for_comparison and _is_last(spec, records):
            measure = Wanted([(stages.measure_stage(own, data_digest, networks), 0)])
            yield measure
            [at_end] = measure.results
            assert isinstance(at_end, Measured)
            told = {name: getattr(at_end, name) for name in ("memory", "validation", "untold_accuracy")}
            records[-1] = records[-1].model_copy(update=told)
        alone = stages.alone_stage(own, data_digest, task, settled) if spec.trains_alone else None
        yield Learned(records[-1], alone)


def fold(spec: RunSpec, data_digest: str, result: Callable[[Stage, int], Result]) -> list[Record]:
    """Follow the course of a run whose results are all there.

    `result` is asked for that of every stage, with its candidate's number. Returns the records of the learned tasks.
    """
    records: list[Record] = []
    for step in course(spec, data_digest):
        match step:
            case Wanted():
                step.results = [result(stage, candidate) for stage, candidate in step.stages]
            case Learned():
                if step.alone:
                    step.alone_trained(result(step.alone, ALONE))
                records.append(step.record)
    return records


def _is_last(spec: RunSpec, records: Sequence[Record]) -> bool:
    """Tell whether no task is learned after those of the records."""
    task = records[-1].task
    if task == spec.lessons[-1]:
        return True
    return is_depleted(spec, records) and not any(spec.growth(task + 1, _free_shares(records[-1]))[-1:])


def _free_shares(record: Record) -> list[float]:
    return [free / width for free, width in zip(record.free, record.widths, strict=False)]
