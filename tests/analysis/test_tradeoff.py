"""What another θ, λ or m would have meant, from made-up candidates."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clnp_core.analysis.candidates import Before, Split, Theta, Trained
from clnp_core.analysis.choice import theta_places
from clnp_core.analysis.tradeoff import TradeOff
from clnp_core.methods.graceful import Curve, ScanPoint, choose, margin_floor
from tests.made_up import epoch

WIDTHS = (8, 6)


class Answers:
    """Answers that are written down; remembers what it was asked."""

    def __init__(self, known: dict[tuple[str, Split], dict[Theta, float]] | None = None) -> None:
        self.written = known or {}
        self.asked: list[tuple[str, tuple[Theta, ...], Split]] = []

    def known(self, candidate: Trained, split: Split) -> dict[Theta, float]:
        return self.written.get((candidate.key, split), {})

    def ask(self, candidate: Trained, thetas: Sequence[Theta], split: Split) -> list[float]:
        self.asked.append((candidate.key, tuple(thetas), split))
        return [0.5] * len(thetas)


def trained(key: str, l1: float, free: Sequence[Sequence[float]], accuracies: Sequence[float] = ()) -> Trained:
    """A candidate with a curve at each of its shared thresholds; the accuracies of the first points, then 0."""
    layers = tuple(np.array(layer, float) for layer in free)
    thetas = np.unique(np.append(np.concatenate(layers), 0.0))
    reached = [*accuracies, *[0.0] * len(thetas)]
    points = [
        ScanPoint((float(theta),) * 2, reached[place], tuple(int((layer > theta).sum()) for layer in layers))
        for place, theta in enumerate(thetas)
    ]
    accuracy = reached[0] if accuracies else math.nan
    curve = Curve(accuracy, points if accuracies else [])
    earlier = (np.array([0.0, 0.3, 2.0]), np.array([]))
    return Trained(key, (l1, l1, 0.0), 1e-2, curve, layers, earlier, 1.0)


def before(task: int = 1) -> Before:
    claimed = ((), ()) if task == 1 else ((1,), (1,))
    free = tuple(width - sum(taken) for width, taken in zip(WIDTHS, claimed, strict=True))
    return Before(task, ("layer 1", "layer 2"), WIDTHS, free, claimed, (2, 1), (1e-5, 1e-5, 0.0), 0.9)


WEAK = trained("weak", 1e-5, ([0.0, 0.1, 0.2, 0.4], [0.1, 0.3]), (0.9, 0.9, 0.88, 0.7, 0.5))
STRONG = trained("strong", 1e-3, ([0.0, 0.0, 0.5, 0.7], [0.0, 0.2]), (0.89, 0.87, 0.6))
LOST = trained("lost", 1.0, ([0.0], [0.0]))


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def tradeoff(answers: Answers) -> TradeOff:
    return TradeOff(before(), [WEAK, LOST, STRONG], answers)


def test_theta_gives_neurons_claimed_reused_free_and_the_stored_accuracy(tradeoff: TradeOff):
    outcome = tradeoff.at(WEAK, 0.1)
    assert (outcome.theta, outcome.claimed, outcome.free, outcome.reused) == ((0.1, 0.1), (2, 1), (6, 5), (2, 0))
    assert outcome.accuracy == 0.9
    assert outcome.sparsity == pytest.approx(1 - (2 / 8 + 1 / 6) / 2)
    assert outcome.tasks_left == (6 / 2, 5 / 1)
    assert outcome.lasts == 3.0


def test_a_theta_between_two_activities_is_answered_like_the_lower_one(tradeoff: TradeOff):
    assert tradeoff.at(WEAK, 0.15).accuracy == tradeoff.at(WEAK, 0.1).accuracy == 0.9
    assert WEAK.lowest_alike((0.15, 0.29)) == (0.1, 0.1)


def test_a_theta_for_each_layer_is_known_only_where_it_leaves_what_a_shared_one_does(
    tradeoff: TradeOff, answers: Answers
):
    assert tradeoff.at(WEAK, (0.12, 0.25)).accuracy == 0.9
    unseen = tradeoff.at(WEAK, (0.35, 0.05))
    assert (unseen.claimed, unseen.accuracy) == ((1, 2), None)
    assert tradeoff.accuracy(unseen, "validation", only_known=True) is None
    assert tradeoff.accuracy(unseen, "validation") == 0.5
    assert answers.asked == [("weak", ((0.2, 0.0),), "validation")]


def test_what_was_asked_before_is_known_for_every_theta_that_leaves_as_much():
    answers = Answers({("weak", "validation"): {(0.2, 0.0): 0.77}, ("weak", "test"): {(0.1, 0.1): 0.66}})
    tradeoff = TradeOff(before(), [WEAK], answers)
    assert tradeoff.at(WEAK, (0.39, 0.09)).accuracy == 0.77
    assert tradeoff.accuracy(tradeoff.at(WEAK, 0.1), "test", only_known=True) == 0.66
    assert tradeoff.test_curve(WEAK, only_known=True) is None
    assert answers.asked == []
    assert tradeoff.test_curve(WEAK) == [0.5] * 5
    assert answers.asked == [("weak", tuple(point.theta for point in WEAK.curve.points), "test")]


def test_the_margin_rule_takes_the_sparsest_within_the_margin(tradeoff: TradeOff):
    careful, bold = tradeoff.verdict(0.0), tradeoff.verdict(0.035)
    assert (careful.outcome.candidate, careful.outcome.theta) == (WEAK, (0.1, 0.1))
    assert (bold.outcome.candidate, bold.outcome.theta, bold.floor) == (STRONG, (0.2, 0.2), pytest.approx(0.865))
    assert careful.best == bold.best == 0.9
    assert careful.within_margin
    assert bold.within_margin


def test_every_candidate_lost_is_refused():
    with pytest.raises(ValueError, match="max"):
        TradeOff(before(), [LOST], Answers()).verdict(0.01)


def test_a_candidate_is_found_by_its_lambda_unless_it_diverged(tradeoff: TradeOff):
    assert tradeoff.find([1e-3, 1e-3, 0.0], 1e-2) is STRONG
    assert tradeoff.find((1e-3, 1e-3, 0.0), 2e-2) is None
    assert tradeoff.find((1.0, 1.0, 0.0), 1e-2) is None
    assert tradeoff.trained == [WEAK, STRONG]


def test_the_path_of_a_training_that_pruned_is_as_sparse_as_if_the_task_claimed_what_was_trained(tradeoff: TradeOff):
    told = (epoch(1, neurons=(8, 6)), epoch(2, neurons=(4, 3), validation_accuracy=0.7), epoch(3, neurons=()))
    path = tradeoff.path(replace(WEAK, epochs=told))
    assert path.to_dict("list") == {
        "epoch": [1, 2],
        "sparsity": [0, 0.5],
        "accuracy": [0.8, 0.7],
        "neurons": [(8, 6), (4, 3)],
    }
    for untold in (tradeoff.path(WEAK), tradeoff.path(None)):
        assert list(untold) == list(path)
        assert untold.empty


def test_layers_are_the_partition_after_the_task():
    tradeoff = TradeOff(before(2), [WEAK], Answers())
    first, second = tradeoff.layers(tradeoff.at(WEAK, 0.1))
    assert first == {"name": "layer 1", "width": 8, "claimed": [1, 2], "reused": [0, 2]}
    assert second == {"name": "layer 2", "width": 6, "claimed": [1, 1], "reused": [0, 0]}


def test_the_table_has_a_row_for_every_point_and_marks_the_front(tradeoff: TradeOff):
    table = tradeoff.table
    assert len(table) == len(WEAK.curve.points) + len(STRONG.curve.points)
    assert set(table["candidate"]) == {0, 2}
    front = table[table["front"]].sort_values("sparsity")
    assert list(front["accuracy"]) == [point.accuracy for point in tradeoff.front]
    assert list(table["layer 1 claimed"] + table["layer 1 free"]) == [8] * len(table)


def test_the_distribution_counts_every_neuron_once(tradeoff: TradeOff):
    counts = tradeoff.distribution(tradeoff.at(WEAK, 0.1), bins=5)
    sums = counts.groupby("layer")[["given_back", "claimed", "earlier"]].sum()
    assert sums.loc["layer 1"].tolist() == [2, 2, 3]
    assert sums.loc["layer 2"].tolist() == [1, 1, 0]
    assert counts[(counts["layer"] == "layer 1") & (counts["high"] == 0)]["given_back"].tolist() == [1]


def test_the_distribution_of_a_dead_layer_is_all_at_zero():
    dead = trained("dead", 1e-3, ([0.0, 0.0], [0.0]), (0.1,))
    still = Trained(dead.key, dead.l1, dead.learning_rate, dead.curve, dead.free, (np.array([]),) * 2, 1.0)
    tradeoff = TradeOff(before(), [still], Answers())
    assert tradeoff.distribution(tradeoff.at(still, 0.0))["given_back"].sum() == 3


activity = st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0])
candidates = st.lists(
    st.tuples(
        st.lists(activity, min_size=1, max_size=8),
        st.lists(activity, min_size=1, max_size=6),
        st.lists(st.integers(0, 50), min_size=9, max_size=9),
    ),
    min_size=1,
    max_size=4,
).map(
    lambda drawn: [
        trained(str(place), 10.0**-place, free, [count / 50 for count in counts])
        for place, (*free, counts) in enumerate(drawn)
    ]
)


@given(candidates, st.sampled_from([0.0, 0.005, 0.02, 0.1, 0.3]))
def test_the_rule_is_the_engines(drawn: list[Trained], margin: float):
    verdict = TradeOff(before(), drawn, Answers()).verdict(margin)
    curves = [candidate.curve for candidate in drawn]
    choice = choose(curves, margin_floor(curves, margin), WIDTHS)
    assert verdict.outcome.candidate is drawn[choice.candidate]
    assert (verdict.outcome.theta, verdict.outcome.claimed) == (choice.point.theta, choice.point.claimed)
    assert (verdict.outcome.accuracy, verdict.within_margin) == (choice.point.accuracy, choice.within_margin)


@given(candidates)
def test_nothing_beats_the_front_and_everything_else_is_beaten(drawn: list[Trained]):
    tradeoff = TradeOff(before(), drawn, Answers())
    front = {(point.sparsity, point.accuracy) for point in tradeoff.front}

    def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
        return one != other and one[0] >= other[0] and one[1] >= other[1]

    every = {(point.sparsity, point.accuracy) for each in drawn for point in tradeoff.points(each)}
    assert front == {one for one in every if not any(beats(other, one) for other in every)}
    assert len(front) == len(tradeoff.front)


@given(candidates, st.lists(activity, min_size=2, max_size=2), st.lists(activity, min_size=2, max_size=2))
def test_a_higher_theta_never_claims_more_and_its_lowest_equal_claims_the_same(drawn, one, other):
    tradeoff, low, high = TradeOff(before(), drawn, Answers()), list(map(min, one, other)), list(map(max, one, other))
    for candidate in drawn:
        milder, harder = tradeoff.at(candidate, low), tradeoff.at(candidate, high)
        assert all(more >= less for more, less in zip(milder.claimed, harder.claimed, strict=True))
        alike = candidate.lowest_alike(tuple(high))
        assert candidate.claimed(alike) == harder.claimed
        assert all(lowest <= theta for lowest, theta in zip(alike, high, strict=True))


def test_places_of_theta_are_activities_in_equal_steps_of_the_logarithm():
    places = theta_places([0.0, 1e-3, 1e-2, 2e-2, 1.0], 0.5)
    assert places == [0.0, 1e-3, 1e-2, 2e-2, 0.5, 1.0]
    many = theta_places([10 ** (-place / 1000) for place in range(4000, -1, -1)], 0.0)
    steps = [later / earlier for earlier, later in pairwise(many[1:])]
    assert len(many) <= 61
    assert max(steps) / min(steps) < 1.05
    assert theta_places([], 0.25) == [0.0, 0.25]
