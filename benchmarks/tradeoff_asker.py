"""The asking side of `benchmarks.tradeoff`, as the app is one: a process without torch.

Arguments: folder of the store, key of the candidate's stage. Reads a question a line, a list of θ, and prints how many
milliseconds it took.
"""

import json
import sys
import time
from pathlib import Path

from clnp_core.runs.engine.questions import ask
from clnp_core.runs.store import Store


def main(folder: str, key: str) -> None:
    store = Store(Path(folder))
    for line in sys.stdin:
        thetas = json.loads(line)
        start = time.perf_counter()
        ask(store, key, thetas)
        print(1e3 * (time.perf_counter() - start), flush=True)
    assert "torch" not in sys.modules


if __name__ == "__main__":
    main(*sys.argv[1:])
