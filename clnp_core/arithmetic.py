"""How numbers are computed, where it would otherwise depend on the machine or on what ran before."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


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
