"""The margin rule, by hand."""

import math

import pytest

from clnp_core.methods import graceful
from clnp_core.methods.graceful import Curve, ScanPoint


def curve(accuracy, *points):
    """Points as (θ, accuracy, neurons claimed of the one layer)."""
    return Curve(accuracy, [ScanPoint((theta,), reached, (claimed,)) for theta, reached, claimed in points])


def choose(curves, margin, widths):
    return graceful.choose(curves, graceful.margin_floor(curves, margin), widths)


def test_the_highest_threshold_within_the_margin_is_taken_even_past_a_dip():
    only = curve(0.98, (0.0, 0.98, 50), (0.1, 0.965, 40), (0.2, 0.972, 30), (0.3, 0.96, 20))
    choice = choose([only], margin=0.01, widths=[100])
    assert (choice.point.theta, choice.point.claimed, choice.within_margin) == ((0.2,), (30,), True)
    assert choice.floor == pytest.approx(0.97)


def test_the_sparsest_of_those_within_the_margin_of_the_best_in_the_grid_wins():
    best = curve(0.980, (0.0, 0.980, 60), (0.1, 0.975, 45))
    sparser = curve(0.975, (0.0, 0.975, 30), (0.1, 0.972, 25))
    sparsest_but_worse = curve(0.965, (0.0, 0.965, 5), (0.1, 0.974, 4))
    choice = choose([best, sparser, sparsest_but_worse], margin=0.01, widths=[100])
    assert (choice.candidate, choice.point.claimed) == (1, (25,))


def test_no_margin_keeps_the_best():
    first, second = curve(0.97, (0.0, 0.97, 10)), curve(0.98, (0.0, 0.98, 20), (0.2, 0.98, 15))
    choice = choose([first, second], margin=0.0, widths=[100])
    assert (choice.candidate, choice.point.claimed) == (1, (15,))


def test_layers_count_by_share_and_ties_go_to_accuracy_then_order():
    wide = Curve(0.9, [ScanPoint((0.0, 0.0), 0.9, (10, 90))])
    narrow = Curve(0.9, [ScanPoint((0.0, 0.0), 0.9, (5, 100))])
    assert choose([wide, narrow], 0.1, widths=[10, 1000]).candidate == 1
    one, two = curve(0.9, (0.0, 0.9, 10)), curve(0.91, (0.0, 0.91, 10))
    assert choose([one, two], 0.1, widths=[20]).candidate == 1
    assert choose([one, one], 0.1, widths=[20]).candidate == 0


def test_a_candidate_that_loses_too_much_with_its_dead_neurons_is_out():
    fragile = curve(0.98, (0.0, 0.95, 10))
    sound = curve(0.975, (0.0, 0.975, 40))
    choice = choose([fragile, sound], margin=0.01, widths=[100])
    assert (choice.candidate, choice.within_margin) == (1, True)


def test_if_all_are_out_the_best_is_kept_without_its_dead_neurons():
    one, two = curve(0.98, (0.0, 0.9, 10), (0.5, 0.2, 1)), curve(0.97, (0.0, 0.91, 10))
    choice = choose([two, one], margin=0.001, widths=[100])
    assert (choice.candidate, choice.point.theta, choice.within_margin) == (1, (0.0,), False)


def test_diverged_candidates_are_out_of_the_running():
    choice = choose([Curve(math.nan, []), curve(0.5, (0.0, 0.5, 1))], margin=0.01, widths=[100])
    assert choice.candidate == 1
