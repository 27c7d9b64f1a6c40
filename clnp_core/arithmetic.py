"""Rules that make results reproducible to the last bit.

The rounding of a floating-point sum depends on the order of its terms. Besides the numbers themselves, four things
decide that order, and each has its rule here:

- The number of threads: `computing` sets it.
- The memory addresses of a product's operands and result. On some processors a product rounds differently if one of
  them does not begin at a multiple of `ALIGNMENT` bytes. `owned` makes a tensor begin there, and sizes that are
  `aligned` make each slice of a batch of matrices begin there.
- A product by or of a single row, which is computed by other code than one of several rows. `linear` avoids it, and a
  training whose batches are one sample is computed twice over (`is_lone`).
- The kind of processor: `Kind` tells one from another.
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
"""Bytes: the size of a processor's widest register and of its cache line. Torch aligns its own allocations to it."""

TOLERANCE = 1e-5
"""Largest difference of logits if sums are taken in another order, relative to the largest of them or to 1."""

_NUMBERS = ALIGNMENT // 4  # float32


@contextmanager
def computing(threads: int) -> Iterator[None]:
    """Set the number of threads inside the block, and flush numbers below about 1e-38 to 0.

    The number of threads decides the order of sums. A trained network's gradients and Adam's averages sink below
    1e-38, where processors compute many times slower. After the block both settings are as before.
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
    """Copy a tensor to memory of its own that begins at a multiple of `ALIGNMENT` bytes.

    A tensor inside a file's buffer, or made from a NumPy array, may begin anywhere.
    """
    return tensor.clone(memory_format=torch.contiguous_format)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Compute a dense layer, x [..., k] by weight [n, k] plus bias [n]: [..., n].

    A weight of a single row is computed as two, because torch computes a product by one row with other code, whose
    rounding depends on which samples share a batch.
    """
    if len(weight) == 1:
        return F.linear(x, weight.expand(2, -1), None if bias is None else bias.expand(2))[..., :1]
    return F.linear(x, weight, bias)


def is_lone(replicas: int, *batches: int) -> bool:
    """Tell whether batches of these sizes would make products of a single row: one replica and one sample."""
    return replicas == 1 and 1 in batches


def is_rounding(furthest: float, largest: float) -> bool:
    """Tell whether logits are the same except for rounding.

    Where logits are small because large terms cancel, the rounding of these terms is left. It is then large beside the
    logits, but changes no answer: below 1, logits are compared as they are.

    Parameters
    ----------
    furthest : float
        Largest difference of two logits.
    largest : float
        Largest logit, without its sign.
    """
    return furthest <= TOLERANCE * max(largest, 1.0)


@dataclass(frozen=True)
class Kind:
    """A kind of arithmetic. Numbers computed with the same kind can be compared to the bit.

    Attributes
    ----------
    processor : str
        Name given by its maker.
    capability : str
        Instruction set that torch uses, such as AVX2.
    torch : str
        Version of torch.
    sample : str
        Digest of a few products, sums and convolutions. Their last bits show what no name tells, such as another
        library behind torch or disabled instructions.
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
    """Determine the kind of arithmetic of this process, on one thread."""
    return Kind(processor(), torch.backends.cpu.get_cpu_capability(), torch.__version__, _sample())


def machine() -> Machine:
    """Return `kind` and the present number of threads, to store with a result."""
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
