"""Derives an independent seed for every random draw of a run from the run's one seed."""

import hashlib


def derive_seed(*parts: int | str) -> int:
    """Derive a seed in [0, 2**63) for one use of randomness, named by `parts`.

    Each use has its own generator, so that the draws for task 7 do not depend on how much was drawn before. A stage
    draws the same numbers if it is repeated, resumed or run elsewhere.

    >>> derive_seed(0, "batches", 3) == derive_seed(0, "batches", 3) != derive_seed(0, "batches", 4)
    True
    """
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
