"""How numbers are computed, so that their last bit depends on what is computed and on nothing else.

A sum of floating-point numbers is rounded by the order in which it is taken. These decide that order, besides the
numbers themselves; each has its rule here:

- the number of threads: `computing` sets it;
- where in memory the operands and the result of a product begin. On some processors a product rounds differently
  where one of them does not begin at a multiple of `ALIGNMENT` bytes: `owned` makes a tensor begin there, and sizes
  that are `aligned` make each slice of a batch of matrices begin there;
- a product by a single row, or of a single row, which takes another way than a product of several: `linear` never
  takes it, and a training whose batches are one sample is computed twice over (`is_lone`);
- the kind of processor: `Kind` tells one from another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING

from clnp_core.bounds import Natural, Text
from clnp_core.lazy import functional as F
from clnp_core.lazy import torch
from clnp_core.machine import processor

if TYPE_CHECKING:
    from torch import Tensor

ALIGNMENT = 64
"""Bytes; a processor's widest register and a line of its cache. Torch's own allocations begin at multiples of it."""

TOLERANCE = 1e-5
"""How far logits may be off, relative to the largest of them, where sums are taken in another order."""

_NUMBERS = ALIGNMENT // 4  # float32


@contextmanager
def computing(threads: int) -> Iterator[None]:
    """Compute inside the block with that many threads, and with numbers below about 1e-38 counting as 0.

    The number of threads decides the order in which a sum is taken. A trained network's gradients and Adam's averages
    sink below 1e-38, where processors compute many times slower; after the block such numbers are numbers again.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)


def aligned(count: int) -> int:
    """Round a count of float32 numbers up to whole multiples of `ALIGNMENT` bytes.

    >>> aligned(0), aligned(10), aligned(16)
    (0, 16, 16)
    """
    return -(-count // _NUMBERS) * _NUMBERS


def owned(tensor: Tensor) -> Tensor:
    """A copy in memory of its own, which begins at a multiple of `ALIGNMENT` bytes.

    A tensor inside a file's buffer, or made of a NumPy array, may begin anywhere.
    """
    return tensor.clone(memory_format=torch.contiguous_format)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A dense layer, x [..., k] by weight [n, k] plus bias [n]: [..., n].

    A product by a single row takes another way, with roundings that depend on which samples are together.
    """
    if len(weight) == 1:
        return F.linear(x, weight.expand(2, -1), None if bias is None else bias.expand(2))[..., :1]
    return F.linear(x, weight, bias)


def is_lone(replicas: int, *batches: int) -> bool:
    """Whether batches of those sizes would make products of a single row: one replica, and one sample."""
    return replicas == 1 and 1 in batches


@dataclass(frozen=True)
class Kind:
    """What arithmetic computed a number: two numbers of the same kind can be compared to the bit.

    Attributes
    ----------
    processor : str
        As its maker calls it.
    capability : str
        The instructions torch uses on it, such as AVX2.
    torch : str
        Its version.
    sample : str
        Digest of a few products, sums and convolutions computed here: what no name tells, such as another library
        behind torch, or instructions that were switched off for it, shows in their last bits.
    """

    processor: Text
    capability: Text
    torch: Text
    sample: Text

    def __str__(self) -> str:
        return f"{self.processor} ({self.capability}) with torch {self.torch}"


@dataclass(frozen=True)
class Machine(Kind):
    """What computed a result: the kind of arithmetic, and the number of threads."""

    threads: Natural


@cache
def kind() -> Kind:
    """The kind of arithmetic of this process, on one thread."""
    return Kind(processor(), torch.backends.cpu.get_cpu_capability(), torch.__version__, _sample())


def machine() -> Machine:
    """`kind`, and the threads computing now."""
    return Machine(**asdict(kind()), threads=torch.get_num_threads())


def _sample() -> str:
    drawn = torch.Generator().manual_seed(0)
    threads = torch.get_num_threads()
    hashed = hashlib.sha256()
    torch.set_num_threads(1)
    try:
        for rows, inner, columns in ((7, 300, 10), (64, 784, 128), (1, 2000, 33)):
            x = torch.rand(rows, inner, generator=drawn)
            product = x @ torch.rand(inner, columns, generator=drawn)
            for tensor in (product, x.sum(1), product.log_softmax(1)):
                hashed.update(tensor.numpy().tobytes())
        image, kernel = torch.rand(2, 16, 9, 9, generator=drawn), torch.randn(24, 16, 3, 3, generator=drawn)
        hashed.update(F.conv2d(image.contiguous(memory_format=torch.channels_last), kernel).numpy().tobytes())
    finally:
        torch.set_num_threads(threads)
    return hashed.hexdigest()[:16]
