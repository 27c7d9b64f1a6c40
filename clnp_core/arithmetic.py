"""How numbers are computed, where it would otherwise depend on the machine or on what ran before."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Numbers below about 1e-38 count as 0. A trained network's gradients and Adam's averages sink into that range, where
# processors compute many times slower. Set on import, because threads that exist already would not take it over.
torch.set_flush_denormal(True)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with that many threads inside the block: their number decides the order in which a sum is taken."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
