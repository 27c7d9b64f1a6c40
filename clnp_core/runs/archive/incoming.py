"""A run on its way into a store: everything an archive holds, checked, and computed anew as far as that can be."""

from __future__ import annotations

import math
import re
from io import BytesIO
from typing import Any

import numpy as np
import safetensors.torch
import torch
from pydantic import ValidationError
from torch import Tensor

from clnp_core.arithmetic import TOLERANCE, Kind, is_rounding, kind
from clnp_core.errors import ClnpError, DataError, SpecError
from clnp_core.machine import environment
from clnp_core.methods import METHODS
from clnp_core.methods.method import Lesson
from clnp_core.networks.architectures import Architecture, as_architecture
from clnp_core.networks.fingerprint import SAMPLES, furthest_off, logits_digest
from clnp_core.networks.network import Network, digest, from_tensors, initial, to_tensors
from clnp_core.runs.archive.file import LOGITS, RUN, Members, Wrong, checked, require
from clnp_core.runs.archive.forms import Told, environment_there, specification
from clnp_core.runs.archive.measured import ACCURACY_TOLERANCE, check_measured
from clnp_core.runs.archive.packed import Forms, Packed, bytes_of, equal, forms_of, within
from clnp_core.runs.engine import candidates
from clnp_core.runs.engine.tested import comes_to
from clnp_core.runs.engine.work import Context, own_settings, perform
from clnp_core.runs.fold.course import fold
from clnp_core.runs.fold.results import RESULTS, Candidate, Record, Result
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.spec import RunSpec
from clnp_core.runs.store import seal
from clnp_core.runs.store.artifacts import Artifacts, metadata
from clnp_core.tasks.content import at_hand, content_digest
from clnp_core.tasks.streams import Stream, open_stream

_UNFIT = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What a method may raise on being given what it did not make itself."""
_MOST_IMAGES = 2**24
_MOST_STEPS = 2**31
_MOST_MEMORY = 8  # times what the network has, for each task: what methods keep is shaped like it
_MEMORY = re.compile(r"memory\.[\w.-]{1,100}", re.ASCII)
_MEMORY_TYPES = (torch.float32, torch.float64, torch.int64, torch.int32, torch.int16, torch.uint8, torch.bool)


def stream_here(spec: RunSpec, data_digest: str) -> tuple[Stream | None, str]:
    """The run's stream, if its data is here; else None, and why not."""
    asked = spec.stream.model_dump(mode="json")
    if not at_hand(asked):
        return None, f"the data set {spec.stream.data} is not here"
    try:
        if content_digest(asked) != data_digest:
            return None, f"the data set {spec.stream.data} here is not the one that it was learned on"
        return open_stream(asked, spec.seed), ""
    except (DataError, SpecError) as error:
        return None, str(error).rstrip(".")


_Computed = tuple[dict[str, Tensor], dict[str, Any]]
"""Tensors and result of a stage."""


class Incoming:
    """A run on its way into a store.

    Parameters
    ----------
    members : Members
    artifacts : Artifacts
        A folder of its own; what has been checked is written there.

    Attributes
    ----------
    spec : RunSpec
    told : Told
    there, here : dict
        The environment in which it was learned, and this one.
    parts : list of (Stage, int, Result)
        Its stages, with the candidate's number and the result.
    records : list of Record
    elsewhere : Kind or None
        The kind of arithmetic that gave other bits there, where new fingerprints were taken here.
    """

    def __init__(self, members: Members, artifacts: Artifacts) -> None:
        self._members = members
        self.artifacts = artifacts
        self.told = members.json(RUN, Told)
        self.spec = specification(members)
        if not self.told.run.startswith(f"{self.spec.preset}-"):
            raise Wrong(f"{RUN}: {self.told.run} is no id of a run of {self.spec.preset}")
        architecture = self.spec.architecture
        *layers, _ = map(math.prod, architecture.weight_shapes)
        # What learns all tasks at once trains their outputs side by side.
        outputs = sum(architecture.outputs_of(task) for task in range(1, self.spec.lessons[0] + 1))
        weights = sum(layers) + architecture.fan_in[-1] * outputs
        # Or a file of nothing would ask for all memory there is. Heads may have been left behind.
        if 4 * sum(layers) > members.network_bytes or 4 * weights > members.bytes:
            raise Wrong(f"a network of {weights:,} weights is not in its {members.network_bytes:,} bytes")
        self.there = environment_there(members)
        self.here = environment()
        self.parts: list[tuple[Stage, int, Result]] = []
        self.records: list[Record] = []
        self.elsewhere: Kind | None = None
        self._stream, self._missing = stream_here(self.spec, self.told.data)
        self._logits = self._read_logits()
        for name, tensor in self._logits.items():
            require(logits_digest(tensor) == name, f"{LOGITS}: the logits {name} are not what their name says")
        self._network: Network = initial(self.spec.architecture, self.spec.head)

    def _read_logits(self) -> dict[str, Tensor]:
        packed, architecture = Packed(self._members, LOGITS), self.spec.architecture
        fits = len(packed.forms) <= self.spec.stream.tasks * self._members.networks
        for shape, dtype in packed.forms.values():
            known = len(shape) == 2 and dtype == torch.float32
            fits = fits and known and shape[0] <= SAMPLES and shape[1] <= architecture.outputs
        require(fits, f"{LOGITS} has tensors that are no logits of its tasks")
        return packed.read()

    def check(self) -> str:
        """Check all of it, results in the order of the fold. Returns what was verified, in words."""
        self.records = fold(self.spec, self.told.data, self._result)
        if self._members.left:
            raise Wrong(f"{self._members.left[0]} belongs to no stage of the run")
        if not self.records:
            raise Wrong("it has learned no task")
        if self._stream is None:
            return f"not verified: {self._missing}"
        rounds = f"as {kind()} rounds differently from {self.elsewhere}"
        if self.spec.exact:
            if not self.elsewhere:
                return "verified: every task's logits are identical to the bit"
            same = f"the same to {TOLERANCE:g} of the largest, {rounds}; new fingerprints were taken"
            return f"verified: every task's logits are {same}"
        but = f" but for rounding, {rounds}" if self.elsewhere else ""
        return f"verified: every accuracy was measured again and is the same{but}"

    def _result(self, stage: Stage, candidate: int) -> Result:
        name = f"stages/{len(self.parts)}.safetensors"
        packed = Packed(self._members, name)
        result = checked(RESULTS[stage.kind], packed.data, name)
        complete = result.machine is not None and result.model_fields_set == type(result).model_fields.keys()
        require(complete, f"{name} does not say all that it should")
        data = result.to_json()
        try:
            match stage.kind:
                case "stream":
                    tensors = self._read_drawn(packed)
                case "fit" | "tune":
                    tensors = self._read_candidate(stage, packed, data)
                case "alone":
                    tensors = packed.read_none()
                case "measure":
                    tensors = packed.read_none()
                    alike = _kind(data["machine"]) == kind()
                    check_measured(stage, result, self.artifacts if self._stream else None, alike)
                case _:
                    tensors, data = self._check_network(stage, packed, data)
                    result = RESULTS[stage.kind].model_validate(data)
        except Wrong as wrong:
            raise Wrong(f"{name}, {stage.describes}: {wrong}") from None
        except _UNFIT:
            raise Wrong(f"{name}, {stage.describes}: its results do not fit together") from None
        self._write(stage.key, tensors, data)
        self.parts.append((stage, candidate, result))
        return result

    def _write(self, key: str, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        self.artifacts.write(key, safetensors.torch.save(tensors, metadata(data)))

    def _read_drawn(self, packed: Packed) -> dict[str, Tensor]:
        inputs, tasks = self.spec.architecture.inputs, self.spec.stream.tasks
        if self._stream is not None:
            drawn = {name: torch.from_numpy(array) for name, array in self._stream.drawn().items()}
            otherwise = "what was drawn at random is not what its seed draws"
            require(packed.forms == forms_of(drawn), otherwise)
            require(equal(tensors := packed.read(), drawn), otherwise)
            return tensors
        is_repeated = self.spec.stream.kind in ("permuted", "rotated")
        orders = ["order"] if is_repeated else [f"order.{task}" for task in range(1, tasks + 1)]
        largest: Forms = dict.fromkeys(orders, ((_MOST_IMAGES,), torch.int64))
        if self.spec.stream.kind == "permuted":
            largest["permutations"] = ((tasks, inputs), torch.int64)
        require(within(packed.forms, largest), "its tensors are not those of its stream")
        tensors = packed.read()
        if "permutations" in tensors:
            permuted = tensors["permutations"]
            whole = torch.arange(inputs).expand(tasks, -1)
            fits = permuted.shape == whole.shape and torch.equal(permuted.sort(dim=1).values, whole)
            require(fits, "its permutations are none")
        return tensors

    def _read_candidate(self, stage: Stage, packed: Packed, data: dict[str, Any]) -> dict[str, Tensor]:
        layers = len(self.spec.architecture.hidden)
        if stage.kind == "fit":
            same = data["hyperparameters"] == stage.inputs["hyperparameters"] and data["pruned"] is None
        else:
            same = data["pruned"] is not None and self._is_of(data["pruned"]["candidate"], data["hyperparameters"])
        require(same, "it was trained in another way than the specification says")
        curve = self.spec.prunes and data["accuracy"] is not None
        require(bool(data["curve"]) == curve, "its curve and its accuracy do not go together")
        points = data["curve"] + ([data["pruned"]["point"]] if data["pruned"] else [])
        fits = all(len(point[name]) == layers for point in points for name in ("theta", "claimed"))
        require(fits, "its curve is of another network")

        # The network is as the task before left it; what is drawn anew for this one has the same shapes.
        own, task = own_settings(stage, data["hyperparameters"]), stage.inputs["task"]
        # `start` asks for no stream, which is not there without the data.
        lesson = Lesson(self._network, self._stream, task, self.spec.seed, settings=own)  # type: ignore[arg-type]
        method = METHODS[self.spec.method]
        cut, carried = method.start(lesson), method.carries(own)
        otherwise = "its tensors are not those of a candidate"
        require(within(packed.forms, candidates.forms_of(cut, self.spec.prunes, carried)), otherwise)
        tensors = packed.read()
        frees = [tensors[f"free.{layer}"] for layer in range(layers)]
        kept = cut.keep([np.isin(own, free.numpy()) for own, free in zip(cut.free, frees, strict=True)])
        same = all(map(np.array_equal, frees, kept.free))
        require(same, "neurons were trained that were not free")
        require(packed.forms == candidates.forms_of(kept, self.spec.prunes, carried), otherwise)
        steps = int(tensors.get(candidates.STEPS, 0))
        require(0 <= steps <= _MOST_STEPS, f"its training is said to have had {steps:,} steps")
        return tensors

    def _is_of(self, candidate: int, hyperparameters: dict[str, Any]) -> bool:
        """Whether that is how that candidate of the task was trained."""
        task = self.parts[-1][0].inputs["task"]
        fits = [result for stage, _, result in self.parts if stage.kind == "fit" and stage.inputs["task"] == task]
        own = [result for result in fits if isinstance(result, Candidate)]
        return candidate < len(own) and own[candidate].hyperparameters == hyperparameters

    def _check_network(self, stage: Stage, packed: Packed, data: dict[str, Any]) -> _Computed:
        """A stage that leads to a network, and that network. Returns the result, as computed here if it can be."""
        task, before = stage.inputs["task"], self._network
        if stage.kind == "grow":
            tensors = packed.read_none()
            network = self._read_network(
                data["network"], before.architecture.widened(tuple(stage.inputs["neurons"])), task - 1
            )
            self._check_promised(data, task - 1, network)
        else:
            network = self._read_network(data["network"], before.architecture, task)
            self._check_record(stage, data, network)
            tensors = self._read_by_class(packed, task, data["record"])
        for name in [each["logits"] for each in data["fingerprints"] if each["logits"] in self._logits]:
            self._write(name, {"logits": self._logits[name]}, {})
        self._network = network
        return (tensors, data) if self._stream is None else self._computed(stage, tensors, data)

    def _check_record(self, stage: Stage, data: dict[str, Any], network: Network) -> None:
        task, record, layers = stage.inputs["task"], data["record"], len(network.layers)
        given = data["hyperparameters"]
        require(self._is_of(data["candidate"], given), "it settled on a candidate that it does not have")
        same = record["lambda"] == given["l1"] and record["learning_rate"] == given["learning_rate"]
        require(same and record["task"] == task, "its record is of another candidate or task")
        require(len(record["accuracy"]) == task, "its record has not an accuracy for each task")
        counted = layers if self.spec.partitions else 0
        told = [len(record[name]) for name in ("theta", "claimed", "reused", "free")]
        same = told == [layers if self.spec.prunes else 0, counted, counted, counted]
        require(same, "its record is of another network")
        claimed = [int((owner == task).sum()) for owner in network.owners][:counted]
        free = [int((owner == 0).sum()) for owner in network.owners][:counted]
        counts = [record["claimed"], record["free"], record["widths"]]
        same = counts == [claimed, free, list(network.architecture.widths)]
        require(same, "its record does not count the neurons of its network")
        self._check_promised(data, task, network)
        last = data["fingerprints"][-1]["logits"] if self.spec.exact else None
        require(record["fingerprint"] == last, "its record has another fingerprint")

    def _read_by_class(self, packed: Packed, task: int, record: dict[str, Any]) -> dict[str, Tensor]:
        told = Record.model_validate(record).by_class
        tasks = {task} if self.spec.exact else set(range(1, task + 1))
        require(task in told and tasks >= told.keys(), "its record does not tell of the classes of its tasks")
        named = {f"confusion.{each}": by_class for each, by_class in told.items()}
        pairs = min(self.spec.architecture.outputs**2, _MOST_IMAGES)
        largest: Forms = dict.fromkeys(named, ((3, pairs), torch.int64))
        otherwise = "what it takes images for is not what its record counts"
        require(within(packed.forms, largest), otherwise)
        tensors = packed.read()
        require(all(comes_to(tensors[name], each) for name, each in named.items()), otherwise)
        for each, by_class in told.items():
            highest = max(by_class.classes[-1], int(tensors[f"confusion.{each}"][:2].max()))
            require(highest < len(self.spec.labels_of(each)), "it tells of a class that a task does not have")
        return tensors

    def _check_promised(self, data: dict[str, Any], tasks: int, network: Network) -> None:
        """See that there is a fingerprint for each task, where the method promises that nothing is forgotten."""
        taken = data["fingerprints"]
        require(len(taken) == (tasks if self.spec.exact else 0), "it has not a fingerprint for each task")
        same = all(len(each["layers"]) == len(network.layers) for each in taken)
        require(same, "its fingerprints are of another network")

    def _read_network(self, key: str, architecture: Architecture, tasks: int) -> Network:
        name = f"networks/{key}.safetensors"
        packed = Packed(self._members, name)
        described = packed.data
        try:
            told = as_architecture(described["architecture"])
            same = told == architecture and described["head"] == self.spec.head and described["tasks"] == tasks
        except (ValidationError, SpecError, KeyError, TypeError, RecursionError):
            same = False
        require(same and len(described) == 3, f"{name} is not the network of the specification")
        with torch.device("meta"):
            empty, _ = to_tensors(initial(architecture, self.spec.head))
            if self.spec.head == "multi":
                heads = sum(each.startswith("head_weights.") for each in packed.forms)
                # What may forget may have left the heads of earlier tasks behind.
                fits = heads == tasks or (0 < heads < tasks and not self.spec.exact)
                require(fits, f"{name} has other heads")
                *_, (_, *read) = architecture.weight_shapes
                outputs = [architecture.outputs_of(task) for task in range(tasks - heads + 1, tasks + 1)]
                empty |= {f"head_weights.{place}": torch.empty(count, *read) for place, count in enumerate(outputs)}
                empty |= {f"head_biases.{place}": torch.empty(count) for place, count in enumerate(outputs)}
        # The memory is the method's own: whether it is the right one shows when the stage is computed again.
        memory = {each: form for each, form in packed.forms.items() if each.startswith("memory.")}
        known = all(_MEMORY.fullmatch(each) and dtype in _MEMORY_TYPES for each, (_, dtype) in memory.items())
        require(known, f"{name} has a memory that is none")
        own = forms_of(empty)
        most = _MOST_MEMORY * tasks * sum(map(bytes_of, own.values()))
        require(sum(map(bytes_of, memory.values())) <= most, f"{name} has a memory of more than {most:,} bytes")
        require(packed.forms == own | memory, f"{name} has not the tensors of its network")
        tensors = packed.read()
        finite = all(tensors[each].isfinite().all() for each in memory)
        require(finite, f"{name} has a memory with numbers that are not finite")
        network = from_tensors(tensors, described)
        owned = all(((owner >= 0) & (owner <= tasks)).all() for owner in network.owners)
        require(owned, f"{name} has neurons of a task that was not learned")
        require(digest(network) == key, f"{name} is not the network that its name says")
        self._write(key, *to_tensors(network))
        return network

    def _computed(self, stage: Stage, tensors: dict[str, Tensor], data: dict[str, Any]) -> _Computed:
        """The stage's result as it is computed here, from what it was computed from there."""
        # Whatever the device of the trainings was, this is computed on the processor.
        asked = Stage(stage.kind, stage.inputs | {"device": "cpu"})
        try:
            made = perform([asked], Context(self.artifacts))
        except ClnpError as error:
            raise Wrong(str(error).rstrip(".")) from None
        own = safetensors.torch.load(made[asked.key])
        ours = seal.data_of(seal.header_of(BytesIO(made[asked.key])))
        if _bare(ours) == _bare(data) and equal(own, tensors):
            return tensors, data
        task, elsewhere = stage.inputs["task"], _kind(data["machine"])
        require(ours["network"] == data["network"], f"task {task} comes to another network here")
        if elsewhere == kind() or not self._alike(data, ours):
            reason = f"task {task} does not answer as the archive says"
            if stage.kind == "settle" and _bare(data)["fingerprints"] == _bare(ours)["fingerprints"]:
                reason = f"task {task} came to something else than its record says"
            raise Wrong(reason)
        pairs = zip(data["fingerprints"], ours["fingerprints"], strict=True)
        for number, names in enumerate(((then["logits"], now["logits"]) for then, now in pairs), start=1):
            self._compare(number, *names, made)
        self.elsewhere = self.elsewhere or elsewhere
        return own, {**ours, "seconds": data["seconds"]}

    def _alike(self, theirs: dict[str, Any], ours: dict[str, Any]) -> bool:
        """Whether records agree but for what rounding may change."""
        if "record" not in ours:
            return True
        one, other = theirs["record"], ours["record"]
        told = (
            [one["validation_accuracy"], *one["accuracy"]],
            [other["validation_accuracy"], *other["accuracy"]],
        )
        near = np.allclose(*told, rtol=0, atol=ACCURACY_TOLERANCE)
        return near and all(one[name] == other[name] for name in ("theta", "claimed", "lambda", "learning_rate"))

    def _compare(self, task: int, then: str, now: str, made: dict[str, bytes]) -> None:
        """See that a task's logits are those of the archive, but for rounding, and keep those computed here."""
        if now in made:
            self.artifacts.write(now, made[now])
        if then == now:
            return
        promised, ours = self._logits.get(then), torch.from_numpy(self.artifacts.array(now, "logits"))
        if promised is None:
            raise Wrong(f"task {task} answers differently here, and its logits are not in it to compare")
        require(promised.shape == ours.shape, f"{LOGITS}: those of task {task} are none")
        furthest, scale = furthest_off(promised, ours)
        off = (
            f"task {task} does not answer as the archive says: its logits, up to {scale:.3g}, are off by {furthest:.3g}"
        )
        require(is_rounding(furthest, scale), off)


def _kind(machine: dict[str, Any]) -> Kind:
    return Kind(**{name: value for name, value in machine.items() if name != "threads"})


def _bare(data: dict[str, Any]) -> dict[str, Any]:
    """A result without what it was computed on, and how fast."""
    bare = {name: value for name, value in data.items() if name not in ("seconds", "machine")}
    return bare | {"fingerprints": [each | {"kind": None} for each in data["fingerprints"]]}
