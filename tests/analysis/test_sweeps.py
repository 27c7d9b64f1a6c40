"""What a sweep's settings account for, on made-up tables of which it is known."""

from itertools import product

import pandas as pd
import pytest

from clnp_core.analysis import sweeps

AXES = ["method", "m", "λ", "seed"]


def table(accuracy, seeds=(0, 1)) -> pd.DataFrame:
    """A full grid of 2 × 3 × the seeds, with that accuracy."""
    rows = [
        {"method": "clnp", "m": m, "λ": l1, "seed": seed, "mean_accuracy": accuracy(m, l1, seed)}
        for m, l1, seed in product((1.0, 2.0), (1.0, 2.0, 3.0), seeds)
    ]
    fixed = {"run": [f"r{place}" for place in range(len(rows))], "state": "finished", "capacity_used": 0.5}
    return pd.DataFrame(rows).assign(**fixed)


def shares(frame: pd.DataFrame, measure: str = "mean_accuracy") -> dict[str, float]:
    found = sweeps.importance(frame, AXES)
    found = found[found["measure"] == measure]
    return dict(zip(found["setting"], found["share"], strict=True))


def test_settings_that_add_up_account_for_their_own_variance_the_greatest_first():
    found = sweeps.importance(table(lambda m, l1, seed: m + l1), AXES)
    assert list(found["setting"]) == ["λ", "m", "together", "seeds"]
    assert list(found["share"]) == pytest.approx([8 / 11, 3 / 11, 0, 0])  # 2/3 and 1/4 of variance
    assert list(found["chance"][:2]) == pytest.approx([2 / 11, 1 / 11])
    assert set(found["measure"]) == {"mean_accuracy"}  # capacity is the same everywhere


def test_what_no_setting_does_alone_is_of_them_together_and_what_seeds_do_is_chance():
    assert shares(table(lambda m, l1, seed: (m - 1.5) * (l1 - 2))) == pytest.approx(
        {"m": 0, "λ": 0, "together": 1, "seeds": 0}, abs=1e-12
    )
    assert shares(table(lambda m, l1, seed: seed))["seeds"] == pytest.approx(1)
    assert "seeds" not in shares(table(lambda m, l1, seed: m * l1, seeds=[0]))


def test_an_incomplete_grid_has_no_share_of_combinations_and_unfinished_sequences_do_not_count():
    frame = table(lambda m, l1, seed: m + l1)
    frame.loc[0, ["state", "mean_accuracy"]] = "running", 99.0
    found = shares(frame)
    assert "together" not in found
    assert found["λ"] > found["m"] > 0
    assert sweeps.importance(frame.assign(state="queued"), AXES).empty
    assert sweeps.importance(frame, ["seed"]).empty


def test_a_setting_of_one_method_is_judged_by_that_methods_sequences():
    frame = table(lambda m, l1, seed: m)
    other = frame.head(2).assign(method="ewc", m=None, λ=None, mean_accuracy=100.0, capacity_used=None)
    found = shares(pd.concat([frame, other]))
    assert found["m"] == pytest.approx(1)
    assert found["method"] > 0.99


def test_sequences_are_chosen_that_fit_on_every_axis_and_unknown_results_are_in_no_range():
    frame = table(lambda m, l1, seed: m / 10)
    frame.loc[0, ["method", "m"]] = "ewc", None
    frame.loc[1, "mean_accuracy"] = None
    assert sweeps.chosen_rows(frame, None).all()
    assert list(frame["run"][sweeps.chosen_rows(frame, {"m": [None, 1.0], "seed": [0]})]) == ["r0", "r2", "r4"]
    assert list(frame["run"][sweeps.chosen_rows(frame, {"m": [1.0], "mean_accuracy": [0.1, 0.15]})]) == [
        *("r2", "r3", "r4", "r5")
    ]
    assert list(frame["run"][sweeps.chosen_rows(frame, {"mean_accuracy": [None]})]) == ["r1"]
    assert sweeps.levels(frame["m"]) == [None, 1.0, 2.0]


def test_means_over_seeds_are_of_finished_sequences():
    frame = table(lambda m, l1, seed: m + l1 + seed)
    frame.loc[1, "state"] = "running"
    means = sweeps.over_seeds(frame, AXES)
    assert len(means) == 6
    assert list(means["seeds"]) == [1, 2, 2, 2, 2, 2]
    assert (means["runs"][1], means["mean_accuracy"][1], means["capacity_used std"][1]) == ("r2,r3", 3.5, 0)
    assert means["mean_accuracy std"].isna().tolist() == [True] + [False] * 5
