"""Handles to runs and sweeps in the background."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from clnp_core.errors import ClnpError, SpecError, StoreError
from clnp_core.runs import background
from clnp_core.runs.fold.summary import by_class, settled, summarise
from clnp_core.runs.store import Store

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor, nn

    from clnp_core.analysis.anatomy import Anatomy
    from clnp_core.analysis.capacity import Plan
    from clnp_core.analysis.examples import Examples
    from clnp_core.analysis.importance import Importance
    from clnp_core.analysis.tradeoff import TradeOff
    from clnp_core.runs.jupyter.explorer import Explorer
    from clnp_core.runs.jupyter.watching import Watch

_POLL_SECONDS = 0.2


class RunHandle:
    """A handle to one run of a store.

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

    def _repr_html_(self) -> str:
        """Tell in a notebook what the run is, and how far it is."""
        from clnp_core.runs.jupyter.shown import run_as_table

        return run_as_table(self)

    @property
    def status(self) -> str:
        """The run's state; see `clnp_core.runs.store.Run`."""
        return self.store.run(self.id).state

    def wait(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait until the run is finished and return its summary.

        If no engine serves the store any more, one is started.

        Raises
        ------
        ClnpError
            If the run fails or is stopped, with the reason.
        TimeoutError
            After `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        run = self.store.run(self.id)
        while run.goes_on:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"The run {self.id} is {run.fraction:.0%} done after {timeout:g} s.")
            time.sleep(_POLL_SECONDS)
            run = background.see_on(self.store, self.id)
        if run.state != "finished" or run.summary is None:
            raise ClnpError(run.error or f"The run {self.id} is {run.state}.")
        return run.summary.to_json()

    def metrics(self, by: Literal["epoch", "class"] = "epoch") -> pd.DataFrame:
        """Tabulate every epoch so far, or every class of every learned task.

        Accuracies are fractions.

        Returns
        -------
        DataFrame
            By epoch: task, candidate (the index in the grid, or -1 for a task trained alone), stage, epoch, loss,
            validation_accuracy (in the run's `measure`), seconds, neurons. By class: see
            `clnp_core.runs.views.classes.class_table`.

        Raises
        ------
        SpecError
            If `by` is anything else.
        """
        import pandas as pd

        from clnp_core.runs.views.classes import class_table

        if by == "class":
            return class_table(self.store.run(self.id).spec, by_class(self.store.learned(self.id)))
        if by != "epoch":
            raise SpecError(f"by = {by!r} is not possible: it should be 'epoch' or 'class'.")
        columns = ["task", "candidate", "stage", "epoch", "loss", "validation_accuracy", "seconds", "neurons"]
        return pd.DataFrame(self.store.epochs(self.id), columns=columns)

    def summary(self) -> dict[str, Any]:
        """Summarise the results so far, as JSON; see `clnp_core.runs.fold.results.Summary`.

        Raises
        ------
        StoreError
            If the run has not learned a task yet.
        """
        run, records = self.store.run(self.id), self.store.learned(self.id)
        if not records:
            raise StoreError(f"The run {self.id} has not learned a task yet.")
        return (run.summary or summarise(run.spec, records, run.seconds)).to_json()

    def settled(self) -> dict[int, int]:
        """Return the candidate that each task chose from its grid, for tasks with several candidates."""
        return settled(self.store.run(self.id).spec, self.store.learned(self.id))

    def confusion(self, task: int) -> pd.DataFrame:
        """Tabulate what a task's test images are taken for; see `clnp_core.runs.views.classes.confusion`."""
        from clnp_core.runs.views.classes import confusion

        return confusion(self.store, self.id, task)

    def examples(self, task: int) -> Examples:
        """Look at single test images of a learned task; see `clnp_core.runs.views.examples.examples`.

        >>> examples = run.examples(2)  # doctest: +SKIP
        >>> examples.look(examples.chosen(only_wrong=True)[:1]).probabilities.round(2)  # doctest: +SKIP
        array([[0.  , 0.83, 0.  , 0.17, 0.  , 0.  , 0.  , 0.  , 0.  , 0.  ]], dtype=float32)
        """
        from clnp_core.runs.views.examples import examples

        return examples(self.store, self.id, task)

    def reuse(self) -> pd.DataFrame:
        """Tabulate whose neurons each learned task uses, layer by layer; see `clnp_core.runs.views.reuse.reuse`."""
        from clnp_core.runs.views.reuse import reuse

        return reuse(self.store, self.id)

    def transfer(self) -> pd.DataFrame:
        """Tabulate reuse by how alike tasks are, over several runs; see `clnp_core.runs.views.transfer.transfer`.

        >>> figures.transfer(run.transfer())  # doctest: +SKIP
        """
        from clnp_core.runs.views.transfer import transfer

        return transfer(self.store, self.id)

    def plan(self, tasks: int) -> Plan:
        """Plan how wide layers have to be for a number of tasks; see `clnp_core.runs.views.capacity.plan`.

        >>> run.plan(tasks=20).widths  # doctest: +SKIP
        (286, 511)
        """
        from clnp_core.runs.views.capacity import plan

        return plan(self.store, self.id, tasks)

    def trade_off(self, task: int) -> TradeOff:
        """Explore another θ, λ or m for a learned task; see `clnp_core.runs.views.explore.trade_off`.

        >>> run.trade_off(1).verdict(margin=0.02).outcome.claimed  # doctest: +SKIP
        (71, 56)
        """
        from clnp_core.runs.views.explore import trade_off

        return trade_off(self.store, self.id, task)

    def explore(self, task: int = 1) -> Explorer:
        """Move λ, θ and m of a learned task by sliders in Jupyter; see `clnp_core.runs.jupyter.explorer.Explorer`.

        Raises
        ------
        StoreError
            As for `trade_off`.
        """
        from clnp_core.runs.jupyter.explorer import Explorer

        return Explorer(self, task)

    def watch(self) -> Watch:
        """Watch the run's curves in Jupyter while it goes on; see `clnp_core.runs.jupyter.watching.Watch`."""
        from clnp_core.runs.jupyter.watching import Watch

        return Watch(self)

    def anatomy(self, task: int) -> Anatomy:
        """Take the run's network after a task apart; see `clnp_core.runs.views.anatomy.anatomy`.

        >>> run.anatomy(2).related(layer=1, neuron=17).counts  # doctest: +SKIP
        (0, 34)
        """
        from clnp_core.runs.views.anatomy import anatomy

        return anatomy(self.store, self.id, task)

    def importance(self, task: int) -> Importance:
        """Tell how important each weight is after a task; see `clnp_core.runs.views.importance.importance`.

        >>> run.importance(2).concentration(layer=1)  # doctest: +SKIP
        0.07
        """
        from clnp_core.runs.views.importance import importance

        return importance(self.store, self.id, task)

    def network(self, task: int) -> nn.Sequential:
        """Build a learned task's narrow network from plain torch layers; see `clnp_core.networks.portable.to_module`.

        >>> images, labels = run.test_set(2)  # doctest: +SKIP
        >>> (run.network(2)(images).argmax(1) == labels).float().mean()  # doctest: +SKIP
        tensor(0.9694)

        Raises
        ------
        StoreError
            If the method does not prune, the run has not learned the task, or an artifact is missing or damaged.
        """
        from clnp_core.runs.views.export import network

        return network(self.store, self.id, task)

    def test_set(self, task: int) -> tuple[Tensor, Tensor]:
        """Return the test images of a learned task as its network takes them, and their labels.

        Returns
        -------
        tensors [N, inputs] or [N, channels, height, width], float32, and [N], int64
            Pixels have the task's order and scale. The labels of each task begin at 0; `classes` tells what they are.

        Raises
        ------
        StoreError
            If the run has not learned the task.
        DataError
            If the data is missing, damaged, or not the data that the run learned.
        """
        from clnp_core.runs.views.export import test_set

        return test_set(self.store, self.id, task)

    def classes(self, task: int) -> tuple[int | str, ...]:
        """Return the classes of a task as they were given, in the order of the outputs of its network.

        They are names if the data has them, else whole numbers.

        >>> run.classes(2)[run.network(2)(images).argmax(1)[0]]  # doctest: +SKIP
        'fox'

        Raises
        ------
        StoreError
            If the run has no such task.
        """
        spec = self.store.run(self.id).spec
        if not hasattr(task, "__index__") or task not in range(1, spec.stream.tasks + 1):
            raise StoreError(f"The run {self.id} has no task {task!r}; give a number from 1 to {spec.stream.tasks}.")
        return spec.labels_of(task)

    def export(self, task: int, path: Path | str) -> None:
        """Write a learned task's narrow network as .onnx or .safetensors, for use without this project.

        It takes the images as their data set has them, [batch, channels, height, width]: the task's order of pixels and
        their scale are part of it. It also says which `layout` they have, the `run`, the task's `accuracy` on its test
        images and its `fingerprint`, and its classes in the order of the outputs: `labels`, as JSON. Where tasks rotate
        the images it takes them rotated, as its task sees them, and `layout` says by how much.

        Raises
        ------
        SpecError
            If the name has another ending.
        StoreError
            As for `network`, or if the file cannot be written.
        DataError
            If it is own data, which tells of its scale itself, and is missing, or not the data that the run learned.
        ExportError
            If the network is too large for ONNX.
        """
        from clnp_core.runs.views.export import export

        export(self.store, self.id, task, Path(path))

    def archive(self, path: Path | str) -> None:
        """Write a finished run to one .zip, for another machine; see `clnp_core.runs.archive.write`."""
        from clnp_core.runs.archive import write

        write(self.store, self.id, Path(path))

    def rename(self, name: str) -> None:
        """Give the run a name; see `clnp_core.runs.store.Store.rename`."""
        self.store.rename(self.id, name)

    def pause(self) -> None:
        """Pause the run."""
        self.store.pause(self.id)

    def resume(self) -> None:
        """Continue a stopped run, or mend a finished one of which results are damaged or missing."""
        self.store.resume(self.id)

    def cancel(self) -> None:
        """Cancel the run. Finished work is kept."""
        self.store.cancel(self.id)


class SweepHandle:
    """A handle to one sweep of a store.

    Parameters
    ----------
    store : Store
    id : str
    """

    def __init__(self, store: Store, id: str) -> None:
        self.store = store
        self.id = id

    def __repr__(self) -> str:
        runs = self.store.sweep_runs(self.id).values()
        return f"<sweep {self.id}: {sum(run.state == 'finished' for run in runs)} of {len(runs)} sequences finished>"

    def _repr_html_(self) -> str:
        """Tell in a notebook how far the sweep is, and what it came to."""
        from clnp_core.runs.jupyter.shown import sweep_as_table

        return sweep_as_table(self)

    @property
    def runs(self) -> list[RunHandle]:
        """A run for each sequence, in the order of the axes' product."""
        return [RunHandle(self.store, run.id) for run in self.store.sweep_runs(self.id).values()]

    def table(self) -> pd.DataFrame:
        """Tabulate the results so far; see `clnp_core.runs.sweep.table`."""
        from clnp_core.runs.sweep import table

        return table(self.store, self.id)
