"""Tracks the progress of a run and estimates the time left."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import fmean, median, median_low

from clnp_core.methods import REFERENCE
from clnp_core.methods.training.settings import Epoch
from clnp_core.runs.estimate import START_SECONDS, Speed, Work, in_all
from clnp_core.runs.fold.results import Result, Trained
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.spec import RunSpec

_FEW_EPOCHS = 3  # while no more are measured, what was expected before the start holds
_LATEST = 3  # trainings, or epochs, that tell of those to come
_LEAST_SHARE = 0.3  # of its first epochs' seconds that an epoch takes when as many neurons are pruned as usually are
_STEADY_SECONDS, _STEADY_SHARE = 2.0, 0.1  # of the work, before waiting counts as much as working


@dataclass
class _Seen:
    """A stage that the run has come to."""

    stage: Stage
    ended: bool = False
    epoch: int = 0  # that it has reached
    seconds: list[float] = field(default_factory=list)  # of its epochs, as far as they were measured
    beside: float = 0.0  # seconds besides those

    @property
    def task(self) -> int:
        return int(self.stage.inputs.get("task", 0))

    @property
    def took(self) -> float:
        return sum(self.seconds) + self.beside


class Pace:
    """The progress of a run in epochs, and the time left.

    A training that stops early counts with all its epochs in the progress. The time left is what was expected before
    the start until a few epochs are measured, and is then foretold from them: a training goes on as the one before it
    did, the first as its own last epochs and the pruning foretell, and tasks to come take what the last ones took.
    Stages found in the store do not count for the speed, nor does the time until workers have started.
    """

    def __init__(self, spec: RunSpec, seconds_before: float) -> None:
        self._spec = spec
        self._own = {task: spec.at(task) for task in spec.lessons}
        self._total = sum(
            own.epochs_of(task) * (spec.fits(task) + spec.trains_alone) + _tuning_epochs(own)
            for task, own in self._own.items()
        )
        self._seen: dict[str, _Seen] = {}
        self._of: dict[tuple[str, int], list[_Seen]] = defaultdict(list)
        self._computed: dict[str, list[_Seen]] = defaultdict(list)
        self._settled = 0  # the last task that was
        self._measured = 0  # epochs
        self._speed: Speed | None = None
        self._seconds_before = seconds_before
        self._began = time.monotonic()
        self._first: float | None = None  # when work began that something was heard of
        self._heard = 0.0  # when something was last heard of the work

    def expects(self, speed: Speed) -> None:
        """Take what was expected before the start."""
        self._speed = speed

    def found(self, stage: Stage) -> None:
        """Record a stage whose result was in the store."""
        self._end(self._come_to(stage))

    def finished(self, stage: Stage, result: Result) -> None:
        """Record a stage whose result has arrived."""
        seen = self._come_to(stage)
        if isinstance(result, Trained) and result.epochs:
            self._measured += len(result.epochs) - len(seen.seconds)
            seen.seconds = [epoch.seconds for epoch in result.epochs]
        seen.beside = max(0.0, result.seconds - sum(seen.seconds))
        self._end(seen)
        self._computed[stage.kind].append(seen)
        if stage.kind != "stream":  # it is drawn while other workers start
            self._hear(result.seconds)

    def reached(self, stage: Stage, epoch: Epoch) -> None:
        """Record that a stage has come to the end of an epoch."""
        seen = self._come_to(stage)
        if epoch.epoch > seen.epoch:
            seen.epoch = epoch.epoch
            seen.seconds.append(epoch.seconds)
            self._measured += 1
        self._hear(epoch.seconds)

    def _come_to(self, stage: Stage) -> _Seen:
        if stage.key not in self._seen:
            seen = self._seen[stage.key] = _Seen(stage)
            self._of[stage.kind, seen.task].append(seen)
        return self._seen[stage.key]

    def _end(self, seen: _Seen) -> None:
        seen.ended, seen.epoch = True, _epochs(seen.stage)
        if seen.stage.kind == "settle":
            self._settled = max(self._settled, seen.task)

    def _hear(self, seconds: float) -> None:
        self._heard = time.monotonic()
        if self._first is None:
            self._first = self._heard - seconds

    @property
    def seconds(self) -> float:
        """Seconds of work on the run, including those before it was stopped."""
        return self._seconds_before + time.monotonic() - self._began

    @property
    def fraction(self) -> float:
        """Share of the work done, 0 to 1."""
        return min(1.0, sum(seen.epoch for seen in self._seen.values()) / self._total)

    def seconds_left(self, places: int) -> float | None:
        """Estimate the seconds left where so many threads may run at once; None if nothing is known of the speed."""
        if self._speed is None:
            return None
        at_once = max(1, places // self._spec.architecture.threads)
        whole, left = (self._works(only_left) for only_left in (False, True))
        if whole is None or left is None:
            return None
        rest = in_all(left, at_once)
        if self._first is None:
            return START_SECONDS + rest
        if self._measured >= _FEW_EPOCHS:
            # What the workers do between trainings, and waiting for other runs' work, takes time, too.
            total = in_all(whole, at_once)
            steady = _STEADY_SECONDS + _STEADY_SHARE * total
            rest *= (self._heard - self._first + steady) / (total - rest + steady)
        return max(rest / 2, rest - (time.monotonic() - self._heard))

    def _works(self, only_left: bool) -> list[Work] | None:
        """List what each task takes in all, or what is left of that; None if that is not known."""
        works = []
        for task, own in self._own.items():
            parts: dict[str, list[float]] = {}
            counts = {"fit": self._spec.fits(task), "tune": own.tuning_rounds if own.fine_tuning else 0, "settle": 1}
            for kind, count in (counts | {"alone": int(self._spec.trains_alone)}).items():
                seen = self._of[kind, task]
                parts[kind] = [(0.0 if only_left else each.took) + self._rest(each) for each in seen]
                missing = count - len(seen)
                if missing > 0 and (task > self._settled or kind == "alone"):
                    whole = self._training(kind, task) if kind != "settle" else self._settling
                    if whole is None:
                        return None
                    parts[kind] += [whole] * missing
            works.append(Work(tuple(parts["fit"]), sum(parts["tune"]) + sum(parts["settle"]), sum(parts["alone"])))
        return works

    @property
    def _settling(self) -> float:
        return fmean([seen.took for seen in self._computed["settle"][-_LATEST:]] or [0.0])

    def _size(self, kind: str, task: int) -> float:
        """How much an epoch has to do."""
        images: float = self._speed.images(self._method(kind), task) if self._speed else 1.0
        return images

    def _method(self, kind: str) -> str:
        return REFERENCE if kind == "alone" else self._spec.method

    def _epochs(self, kind: str, task: int) -> int:
        own = self._own[task]
        return own.fine_tuning.epochs if kind == "tune" and own.fine_tuning else own.epochs_of(task)

    def _training(self, kind: str, task: int) -> float | None:
        """Foretell the seconds of a training that has not begun."""
        size, epochs = self._size(kind, task), self._epochs(kind, task)
        if self._speed and self._speed.epoch and self._measured < _FEW_EPOCHS:
            return epochs * self._speed.epoch(self._method(kind), task)
        if like := self._computed[kind][-_LATEST:]:
            return fmean(
                seen.took * size / self._size(kind, seen.task) * epochs / max(1, _epochs(seen.stage)) for seen in like
            )
        begun = [seen for seen in self._seen.values() if seen.seconds]
        if own := [seen for seen in begun if seen.stage.kind == kind]:
            return fmean(
                (seen.took / len(seen.seconds) * seen.epoch + self._rest(seen))
                * (size / self._size(kind, seen.task))
                * (epochs / max(1, _epochs(seen.stage)))
                for seen in own
            )
        # Of another kind: as its first epochs, in which nothing is pruned yet.
        rates = [_at_first(seen.seconds) / self._size(seen.stage.kind, seen.task) for seen in begun]
        return epochs * size * fmean(rates) if rates else None

    def _rest(self, seen: _Seen) -> float:
        """Foretell what is left of a training that has begun."""
        kind, task, left = seen.stage.kind, seen.task, _epochs(seen.stage) - seen.epoch
        if seen.ended or left <= 0:
            return 0.0
        if self._speed and self._speed.epoch and self._measured < _FEW_EPOCHS:
            return left * self._speed.epoch(self._method(kind), task)
        if like := self._computed[kind]:
            return self._rest_as(seen, like[-1], left)
        now = median_low(seen.seconds[1:][-_LATEST:] or seen.seconds)  # low, as dead neurons leave in any training
        gradual = self._own[task].gradual_training if kind == "fit" else None
        if gradual is None:
            return left * now
        # Neurons leave from some epoch on, at most a share at once, until so many are left as usually are. The longer
        # that has gone on, the nearer the epochs are to how long they will stay.
        stays = 1 - gradual.largest_share
        past = 1 - stays ** max(0, seen.epoch - gradual.first_epoch)
        least = past * now + (1 - past) * min(now, _LEAST_SHARE * _at_first(seen.seconds))
        fall = (1 - stays**left) / (1 - stays) if stays < 1 else left
        return left * least + (now - least) * min(left, fall)

    def _rest_as(self, seen: _Seen, like: _Seen, left: int) -> float:
        """Foretell what is left of a training from a like one: its epochs at the speed of this one's so far."""
        done = like.seconds[: seen.epoch][-len(seen.seconds) :] if seen.seconds else []
        usual = _LATEST * fmean(like.seconds)  # a few epochs' weight, as single ones vary
        size = self._size(seen.stage.kind, seen.task) / self._size(seen.stage.kind, like.task)
        speed = (sum(seen.seconds[: len(done)]) + size * usual) / (sum(done) + usual)
        later = like.seconds[seen.epoch :]
        if not later:  # that one stopped earlier
            later = like.seconds[-1:] * min(left, _LATEST)
        return speed * sum(later[:left]) + size * like.beside


def _epochs(stage: Stage) -> int:
    epochs: int = stage.inputs.get("hyperparameters", {}).get("epochs", 0)
    return epochs


def _at_first(seconds: list[float]) -> float:
    """The seconds of an epoch at the beginning of a training; the first one of all also warms up."""
    return median(seconds[:_LATEST])


def _tuning_epochs(spec: RunSpec) -> int:
    return spec.fine_tuning.epochs * spec.tuning_rounds if spec.fine_tuning else 0
