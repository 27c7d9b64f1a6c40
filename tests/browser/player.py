"""A test as the engine of a store: a run comes exactly as far as the test says, and stays there while it looks."""

from dataclasses import fields

from clnp_core.methods.training.settings import Epoch
from clnp_core.runs.fold.stages import Stage
from clnp_core.runs.fold.summary import summarise
from clnp_core.runs.store import Store


class Player:
    """Writes what an engine would of runs of three digits tasks. All of it has really been learned, elsewhere.

    Parameters
    ----------
    store : Store
        Held by this process.
    source : Store
    model : str
        The run there that has learned what is written here.
    """

    def __init__(self, store: Store, source: Store, model: str) -> None:
        self.store = store
        self._source = source
        self._model = source.run(model)

    def ask(self) -> str:
        """Ask for a run like the model. Returns its id."""
        return self.store.add(self._model.spec)

    def train(self, run: str, task: int, epoch: int) -> None:
        """Be at an epoch of a task's trainings."""
        if self.store.run(run).state == "queued":
            self.store.start(run)
        parts = [part for part in self._source.stages(self._model.id) if part["task"] == task]
        stages = {part["key"]: self._stage(run, part["key"]) for part in parts}
        for part in parts:
            self.store.link(run, stages[part["key"]], part["candidate"])
        epochs = [each for each in self._source.epochs(self._model.id) if each["stage"] in stages]
        done = [each for each in epochs if each["epoch"] <= epoch]
        told = [(each["stage"], Epoch(*(each[field.name] for field in fields(Epoch)))) for each in done]
        self.store.put_epochs([(stages[key].key, epoch) for key, epoch in told])
        tasks = self.store.run(run).spec.stream.tasks
        self.store.put_progress(run, 1.0, (task - 1 + len(done) / len(epochs)) / tasks, 1.0)

    def learn(self, run: str, task: int) -> None:
        """Have a task learned: train it to its end, and settle."""
        self.train(run, task, max(self._model.spec.epochs))
        self.store.put_learned(run, self._source.learned(self._model.id)[task - 1])

    def finish(self, run: str) -> None:
        """Have what has been learned be all."""
        self.store.finish(run, summarise(self.store.run(run).spec, self.store.learned(run), 1.0))

    def _stage(self, run: str, key: str) -> Stage:
        """A stage of the run's own: runs with a stage in common have all its epochs."""
        stage = self._source.stage(key)
        return Stage(stage.kind, stage.inputs | {"run": run})
