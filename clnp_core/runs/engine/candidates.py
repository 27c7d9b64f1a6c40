"""A trained candidate as the named tensors of its artifact, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

import torch
from torch import Tensor

from clnp_core.methods import sparsify
from clnp_core.methods.method import OPTIMISER, Candidate, Settings
from clnp_core.methods.training import Hyperparameters, OptimiserState
from clnp_core.networks.subnetwork import Trainable
from clnp_core.runs.fold import results

STEPS = f"{OPTIMISER}.steps"
"""The tensor that counts Adam's steps, where its state is carried on."""


def carried_names(carried: Sequence[str]) -> list[str]:
    """What the networks are called in an artifact, of all that `Method.carries` names."""
    memory = [f"memory.{name}" for name in carried if name != OPTIMISER]
    return memory + [f"{OPTIMISER}.{name}" for name in ("average", "square") if OPTIMISER in carried]


def tensors_of(candidate: Candidate, carried: Sequence[str]) -> dict[str, Tensor]:
    """What a candidate has trained, with what `Method.carries` names."""
    block, measured, state = candidate.network, candidate.activities, candidate.optimiser
    groups: dict[str, Iterable[Tensor]] = {
        "free": map(torch.from_numpy, block.free),
        "parameter": block.parameters(),
        "statistic": block.statistics(),
        "activity": map(torch.from_numpy, measured.free if measured else ()),
        "reused": map(torch.from_numpy, measured.reused if measured else ()),
    }
    kept = {f"memory.{name}": network for name, network in candidate.memory.items()}
    if state:
        kept |= {f"{OPTIMISER}.average": state.average, f"{OPTIMISER}.square": state.square}
    groups |= {name: map(Tensor.contiguous, kept[name].parameters()) for name in carried_names(carried)}
    tensors = {f"{name}.{place}": tensor for name, group in groups.items() for place, tensor in enumerate(group)}
    return tensors | ({STEPS: torch.tensor(state.steps)} if state and OPTIMISER in carried else {})


def forms_of(block: Trainable, prunes: bool, carried: Sequence[str]) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """Shape and type of the tensors of a candidate that trained that block, by a method that prunes or does not."""
    counts = {"activity": [len(free) for free in block.free], "reused": block.read} if prunes else {}
    groups = {"parameter": block.parameters(), "statistic": block.statistics()}
    groups |= dict.fromkeys(carried_names(carried), block.parameters())
    return {
        **{f"free.{place}": ((len(free),), torch.int64) for place, free in enumerate(block.free)},
        **{f"{name}.{n}": ((each,), torch.float64) for name, own in counts.items() for n, each in enumerate(own)},
        **{
            f"{name}.{n}": (tuple(each.shape), each.dtype) for name, own in groups.items() for n, each in enumerate(own)
        },
        **({STEPS: ((), torch.int64)} if OPTIMISER in carried else {}),
    }


def candidate_of(
    tensors: Mapping[str, Tensor],
    cut: Trainable,
    result: results.Candidate,
    given: Hyperparameters,
    settings: Settings,
    carried: Sequence[str],
) -> Candidate:
    """The candidate that `tensors_of` took apart.

    Parameters
    ----------
    tensors : mapping of str to tensor
    cut : Trainable
        What was to be trained, as it started.
    result : Candidate
        What stands beside the tensors.
    given, settings : Hyperparameters, Settings
        It was trained with.
    carried : sequence of str
        As `Method.carries` names it.
    """

    def group(name: str) -> Iterator[Tensor]:
        for place in count():
            if f"{name}.{place}" not in tensors:
                return
            yield tensors[f"{name}.{place}"]

    block = cut.with_parameters([*group("parameter")]).with_statistics([*group("statistic")])
    block = replace(block, free=tuple(tensor.numpy() for tensor in group("free")))
    kept = {name: block.with_parameters([*group(name)]) for name in carried_names(carried)}
    state = None
    if OPTIMISER in carried:
        state = OptimiserState(kept[f"{OPTIMISER}.average"], kept[f"{OPTIMISER}.square"], int(tensors[STEPS]))
    free, reused = (tuple(tensor.numpy() for tensor in group(name)) for name in ("activity", "reused"))
    return Candidate(
        hyperparameters=given,
        network=block,
        curve=result.scanned,
        activities=sparsify.Activities(free, reused) if free else None,
        pruned=result.pruned,
        settings=settings,
        memory={name: kept[f"memory.{name}"] for name in carried if name != OPTIMISER},
        optimiser=state,
    )
