"""Trees of forks, on runs that nobody trains."""

from pathlib import Path

from clnp_core.runs.spec import fork, preset
from clnp_core.runs.store import Store
from clnp_core.runs.views.forks import drawn, family


def test_a_run_is_in_the_tree_of_what_it_comes_from_and_what_comes_from_it(tmp_path: Path):
    store, base = Store(tmp_path), preset("digits")
    root = store.add(base)
    middle = store.add(fork(base, 3, {"margin": 0.05}), like=store.run(root))
    beside = store.add(fork(base, 2, {"epochs": 9}), like=store.run(root))
    wide = fork(store.run(middle).spec, 5, {"theta": 0.5})
    committed = store.add(fork(wide, 6, {"theta": None, "stream.tasks": 8}), like=store.run(middle))
    leaf = store.add(fork(base, 2, {"margin": 0.1}), like=store.run(root))
    store.rename(middle, "looser")

    def tree(run: str) -> list[tuple[str, int, str]]:
        return [(each.id, each.depth, each.change) for each in family(store.run(run), store.runs())]

    above = [(root, 0, ""), (middle, 1, "from task 3: m (points) = 5"), (committed, 2, "from task 5: tasks = 8")]
    assert tree(middle) == above
    assert tree(committed) == above
    assert tree(root) == [*above, (beside, 1, "from task 2: epochs = 9"), (leaf, 1, "from task 2: m (points) = 10")]
    assert drawn(store.run(middle), store.runs()) == [
        root,
        f"└ looser ({middle}) ◀  from task 3: m (points) = 5",
        f"  └ {committed}  from task 5: tasks = 8",
    ]
    store.remove(root)
    assert tree(middle) == above
    assert [each.run is None for each in family(store.run(middle), store.runs())] == [True, False, False]
    alone = store.add(base)
    assert drawn(store.run(alone), store.runs()) == []
