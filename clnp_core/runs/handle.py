"""A run in the background, as Python holds it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clnp_core.errors import ClnpError, StoreError
from clnp_core.runs.fold.summary import settled, summarise
from clnp_core.runs.store import Store

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor, nn

    from clnp_core.analysis.anatomy import Anatomy
    from clnp_core.analysis.tradeoff import TradeOff

_POLL_SECONDS = 0.2


class RunHandle:
    """One run in a store.

    Parameters
    ----------
    store : Store
    id : str
    """

    def __init__(self, store: Store, id: str) -> None:
        self.store = store
        self.id = id

    def __repr__(self) -> str:
        return f"<run {self.id}: {self.status}>"

    @property
    def status(self) -> str:
        """Its state; see `clnp_core.runs.store.Run`."""
        return self.store.run(self.id).state

    def wait(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait until the run is finished, and return its `summary`.

        Raises
        ------
        ClnpError
            If it ends in another way: the reason.
        TimeoutError
            After `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (run := self.store.run(self.id)).is_active:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"The run {self.id} is {run.fraction:.0%} done after {timeout:g} s.")
            time.sleep(_POLL_SECONDS)
        if run.state != "finished":
            raise ClnpError(run.error or f"The run {self.id} is {run.state}.")
        return run.summary.to_json()

    def metrics(self) -> pd.DataFrame:
        """Every epoch so far, a row each: task, candidate, stage, epoch, loss, validation_accuracy, seconds.

        Accuracies are fractions; `candidate` is the place in the grid, -1 for a task trained alone.
        """
        import pandas as pd

        columns = ["task", "candidate", "stage", "epoch", "loss", "validation_accuracy", "seconds"]
        return pd.DataFrame(self.store.epochs(self.id), columns=columns)

    def summary(self) -> dict[str, Any]:
        """What it has come to so far; as JSON; see `clnp_core.runs.fold.results.Summary`.

        Raises
        ------
        StoreError
            If it has not learned a task yet.
        """
        run, records = self.store.run(self.id), self.store.learned(self.id)
        if not records:
            raise StoreError(f"The run {self.id} has not learned a task yet.")
        return (run.summary or summarise(run.spec, records, run.seconds)).to_json()

    def settled(self) -> dict[int, int]:
        """Which candidate of its grid each task settled on, of tasks that had a choice."""
        return settled(self.store.run(self.id).spec, self.store.learned(self.id))

    def reuse(self) -> pd.DataFrame:
        """Whose neurons each learned task uses, layer by layer; see `clnp_core.runs.views.reuse.reuse`."""
        from clnp_core.runs.views.reuse import reuse

        return reuse(self.store, self.id)

    def trade_off(self, task: int) -> TradeOff:
        """What another θ, λ or m would have meant for a learned task; see `clnp_core.runs.views.explore.trade_off`.

        >>> run.trade_off(1).verdict(margin=0.02).outcome.claimed  # doctest: +SKIP
        (71, 56)
        """
        from clnp_core.runs.views.explore import trade_off

        return trade_off(self.store, self.id, task)

    def anatomy(self, task: int) -> Anatomy:
        """Its network after a task, taken apart; see `clnp_core.runs.views.anatomy.anatomy`.

        >>> run.anatomy(2).related(layer=1, neuron=17).counts  # doctest: +SKIP
        (0, 34)
        """
        from clnp_core.runs.views.anatomy import anatomy

        return anatomy(self.store, self.id, task)

    def network(self, task: int) -> nn.Sequential:
        """The narrow network of a learned task as plain torch layers; see `clnp_core.networks.portable.to_module`.

        >>> images, labels = run.test_set(2)  # doctest: +SKIP
        >>> (run.network(2)(images).argmax(1) == labels).float().mean()  # doctest: +SKIP
        tensor(0.9694)

        Raises
        ------
        StoreError
            If its method does not prune, it has not learned the task, or an artifact is missing or damaged.
        """
        from clnp_core.runs.views.export import network

        return network(self.store, self.id, task)

    def test_set(self, task: int) -> tuple[Tensor, Tensor]:
        """The test images of a learned task as its network takes them, and their labels.

        Returns
        -------
        tensors [N, inputs] or [N, channels, height, width], float32, and [N], int64
            Pixels in the task's own order and scale. Labels are those of the task: from 0 on for each.

        Raises
        ------
        StoreError
            If it has not learned the task.
        DataError
            If the data is not there, damaged, or not the data that it was learned on.
        """
        from clnp_core.runs.views.export import test_set

        return test_set(self.store, self.id, task)

    def export(self, task: int, path: Path | str) -> None:
        """Write the narrow network of a learned task as .onnx or .safetensors, for use without this project.

        Raises
        ------
        SpecError
            If the name has another ending.
        StoreError
            As `network`, or if the file cannot be written.
        ExportError
            If it is too large for ONNX.
        """
        from clnp_core.runs.views.export import export

        export(self.store, self.id, task, Path(path))

    def archive(self, path: Path | str) -> None:
        """Write all of a finished run as one .zip, for another machine; see `clnp_core.runs.archive.write`."""
        from clnp_core.runs.archive import write

        write(self.store, self.id, Path(path))

    def pause(self) -> None:
        """Stop it for now."""
        self.store.pause(self.id)

    def resume(self) -> None:
        """Let it go on."""
        self.store.resume(self.id)

    def cancel(self) -> None:
        """Stop it for good."""
        self.store.cancel(self.id)
