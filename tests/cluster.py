"""`python -m tests.cluster [WORKERS]`: a Dask scheduler on loopback with two workers or so many, until its input ends.

It tells its address. Scheduler and workers are set up as an engine sets up its own: with Dask's defaults each process
would look after itself fifty times a second, for as long as the tests take.
"""

import os
import sys

from distributed import LocalCluster

from clnp_core.runs.engine.cluster import set_up


def main(workers: int) -> None:
    set_up()
    here = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "silence_logs": "CRITICAL"}
    with LocalCluster(n_workers=workers, threads_per_worker=1, memory_limit=0, **here) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    # Errors go nowhere: a pipe that nobody reads would be full one day, and stop it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
