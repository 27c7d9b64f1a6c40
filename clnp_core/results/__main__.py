"""`python -m clnp_core.results [--store DIR] [--out FILE]`: write RESULTS.md from the runs of a store, and those kept.

Of the store's runs those that reproduce an experiment are kept beside it, in `docs/results/runs`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from clnp_core.results.report import write
from clnp_core.runs.store import Store, default_location


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m clnp_core.results", description=__doc__)
    parser.add_argument("--store", type=Path, metavar="DIR", help="default CLNP_STORE, else your data folder")
    parser.add_argument("--out", type=Path, default=Path("RESULTS.md"), metavar="FILE")
    options = parser.parse_args()
    write(Store(options.store or default_location()), options.out, options.out.parent / "docs" / "results")
    print(options.out)


if __name__ == "__main__":
    main()
