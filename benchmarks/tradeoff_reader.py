"""The reading side of `benchmarks.tradeoff`: what the store answers by itself, in a process without torch.

Arguments: folder of the store, id of a run, how often. Prints how many milliseconds it took, a line each, to say all
that the page shows of a shared θ of the first task: the first time, and then with ever other θ and m.
"""

import random
import sys
import time
from pathlib import Path

from clnp_core.runs.store import Store
from clnp_core.runs.views.explore import trade_off


def main(folder: str, run: str, times: str) -> None:
    store, dice = Store(Path(folder)), random.Random(0)  # noqa: S311
    for _ in range(int(times) + 1):
        start = time.perf_counter()
        tradeoff = trade_off(store, run, 1)
        verdict = tradeoff.verdict(dice.random() / 10)
        candidate = dice.choice(tradeoff.trained)
        outcome = tradeoff.at(candidate, dice.choice(candidate.thresholds()))
        assert outcome.accuracy is not None
        told = (verdict, tradeoff.front, tradeoff.table, tradeoff.distribution(outcome), tradeoff.layers(outcome))
        milliseconds = 1e3 * (time.perf_counter() - start)
        assert all(map(len, told[1:]))
        print(milliseconds, flush=True)
    assert "torch" not in sys.modules


if __name__ == "__main__":
    main(*sys.argv[1:])
