"""CLNP's training against Avalanche: `python -m benchmarks.avalanche [--json FILE]`.

Avalanche's naive strategy on its PermutedMNIST, with its own data loaders, in an environment of its own that this
command makes (in the user's cache directory; `--environment` names another place). One epoch of one task on
784-2000-2000-10 with batches of 256 and Adam, by turns with an epoch of CLNP's training in this process, at full width.

Then one whole task: as many epochs of the one, and of the other as `permuted-mnist` trains it, pruned meanwhile and at
the end, with the accuracy that each comes to.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from benchmarks import report
from benchmarks.setting import settings_of, stream_of
from clnp_core.arithmetic import computing
from clnp_core.methods import clnp
from clnp_core.methods.method import Pruning
from clnp_core.methods.training import Epoch, Hooks, accuracy, train
from clnp_core.networks.network import initial
from clnp_core.networks.subnetwork import task_network
from clnp_core.runs.spec import preset
from clnp_core.tasks.datasets import Dataset, load

PACKAGES = ("torch==2.13.0", "torchvision==0.28.0", "avalanche-lib==0.6.0")


def measure(rounds: int, epochs: int, environment: Path) -> dict[str, Any]:
    """Time both; print the medians, then what a whole task takes and comes to."""
    python = _environment(environment)
    spec = preset("permuted-mnist-paper", {"stream.tasks": 1, "epochs": 1, "patience": 1})
    settings, stream = settings_of(spec), stream_of(spec)
    dataset, task, threads = load(spec.stream.dataset), stream.task(1), spec.architecture.threads
    ours: list[float] = []
    theirs: list[float] = []

    def on_epoch(epoch: Epoch) -> None:
        # Avalanche trains on all 60,000 images, we hold out some: the time is taken for as many.
        ours.append(epoch.seconds * len(dataset.x_train) / len(task.train))

    with tempfile.TemporaryDirectory() as folder:
        _write_idx(dataset, Path(folder) / "MNIST" / "raw")
        command = [python, "-m", "benchmarks.avalanche_peer", folder, str(threads)]
        command += [str(settings.learning_rate), str(settings.batch_size)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=Path(__file__).parent.parent, **pipes) as peer:
            for _ in range(rounds):
                jobs = clnp.candidate_jobs(initial(spec.architecture, "single"), task, [settings], 0, [Hooks(on_epoch)])
                with computing(threads):
                    train(jobs)
                theirs.append(_theirs(peer, 1)[0])
            whole, reached = _theirs(peer, epochs)
            peer.stdin.close()
    one, other = statistics.median(ours), statistics.median(theirs)
    report.table([{"CLNP epoch s": one, "Avalanche epoch s": other, "Avalanche / CLNP": other / one}])
    own, own_reached = _whole_task(epochs)
    row = {"epochs": epochs, "CLNP s": own, "Avalanche s": whole, "Avalanche / CLNP, whole task": whole / own}
    row |= {"CLNP accuracy": own_reached, "Avalanche accuracy": reached}
    report.table([row])
    return {"CLNP epoch s": ours, "Avalanche epoch s": theirs, "ratio": other / one, "task": row}


def _theirs(peer: subprocess.Popen[str], epochs: int) -> tuple[float, float]:
    """Have Avalanche train a network; its seconds, and the accuracy on its test images."""
    assert peer.stdin
    assert peer.stdout
    peer.stdin.write(f"{epochs}\n")
    peer.stdin.flush()
    seconds, reached = map(float, peer.stdout.readline().split())
    return seconds, reached


def _whole_task(epochs: int) -> tuple[float, float]:
    """Seconds of CLNP's first task with all that belongs to it, on as many images, and its test accuracy at the end."""
    spec = preset("permuted-mnist", {"stream.tasks": 1, "epochs": epochs, "patience": epochs})
    settings, stream = settings_of(spec), stream_of(spec)
    task, images = stream.task(1), len(load(spec.stream.dataset).x_train)
    start = time.perf_counter()
    with computing(spec.architecture.threads):
        before = initial(spec.architecture, "single")
        candidates = clnp.fit_candidates(clnp.candidate_jobs(before, task, [settings], 0))
        choice = clnp.choose_candidate(candidates, before, task.validation, Pruning(spec.margin))
        after, _ = clnp.prune_and_commit(before, candidates[choice.candidate], choice)
        seconds = time.perf_counter() - start
        return seconds * images / len(task.train), accuracy(task_network(after, 1), task.test)


def _environment(folder: Path) -> str:
    """The Python of an environment with Avalanche in it, made if it is not there."""
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        done.touch()
    return str(python)


def _write_idx(dataset: Dataset, folder: Path) -> None:
    """MNIST in the format of its authors, where torchvision looks for it before it would download it."""
    folder.mkdir(parents=True)
    for part, name in (("train", "train"), ("test", "t10k")):
        images, labels = getattr(dataset, f"x_{part}")[:, 0], getattr(dataset, f"y_{part}")
        header = np.array([2051, *images.shape], ">i4").tobytes()
        (folder / f"{name}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = np.array([2049, len(labels)], ">i4").tobytes()
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(header + labels.astype(np.uint8).tobytes())


if __name__ == "__main__":
    report.main(
        __doc__,
        measure,
        rounds={"type": int, "default": 3},
        epochs={"type": int, "default": 20},
        environment={"type": Path, "default": platformdirs.user_cache_path("clnp") / "avalanche-0.6.0"},
    )
