"""Chooses which samples are held out, for validation or to test with: of every class its share. Imports no torch."""

import numpy as np

_TEST_SHARE = 0.2


def for_testing(groups: np.ndarray) -> np.ndarray:
    """Choose a fifth of each group to test with, always the same samples: bool [N].

    At least one of a group is chosen, and at least one is not; of a single sample none.

    Parameters
    ----------
    groups : int array [N]
        Each sample's class, or whatever else is to be in both parts.
    """
    draw = np.random.default_rng(0)
    is_test = np.zeros(len(groups), bool)
    order = np.argsort(groups, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        mixed = draw.permutation(rows)
        is_test[mixed[: max(len(rows) > 1, round(_TEST_SHARE * len(rows)))]] = True
    return is_test


def stratified(labels: np.ndarray, held: int, draw: np.random.Generator) -> np.ndarray:
    """Draw an order of all samples whose last `held` are of every class in proportion.

    Each class has at least one of them and leaves at least one, as far as it has two and there are enough.

    Parameters
    ----------
    labels : int array [N]
    held : int
        At least one sample is not held out, whatever is asked.
    draw : Generator

    Returns
    -------
    int64 array [N]
        Places in `labels`: first those to train on, then those held out.
    """
    order = draw.permutation(len(labels))
    _, classes, sizes = np.unique(labels[order], return_inverse=True, return_counts=True)
    ranks = np.empty(len(order), np.int64)  # in its class, in the order drawn
    ranks[np.argsort(classes, kind="stable")] = np.concatenate([np.arange(size) for size in sizes])
    is_held = ranks < _shares(sizes, min(held, len(labels) - 1))[classes]
    return np.concatenate((order[~is_held], order[is_held]))


def _shares(sizes: np.ndarray, held: int) -> np.ndarray:
    """How many of each class are held out: by the largest remainder, within what a class should have and can spare."""
    least, most = (sizes > 1).astype(np.int64), sizes - 1
    if held < least.sum():
        least = np.zeros_like(sizes)
    if held > most.sum():
        most = sizes
    exact = held * sizes / sizes.sum()
    taken: np.ndarray = np.clip(np.floor(exact).astype(np.int64), least, most)
    while missing := held - int(taken.sum()):
        step = 1 if missing > 0 else -1
        can = np.flatnonzero(taken < most if missing > 0 else taken > least)
        furthest = can[np.argsort((step * (taken - exact))[can], kind="stable")]
        taken[furthest[: abs(missing)]] += step
    return taken
