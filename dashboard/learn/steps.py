"""The lesson on catastrophic and graceful forgetting, in order."""

from functools import cache

from dashboard.learn.forgetting import overwritten, place_your_bet, two_tasks
from dashboard.learn.room import active, graceful, partition, sparsity
from dashboard.learn.step import Step
from dashboard.learn.tasks import full, identical, interference, reuse


@cache
def lesson() -> tuple[Step, ...]:
    """Its steps, put together once."""
    return (
        two_tasks(),
        place_your_bet(),
        overwritten(),
        sparsity(),
        active(),
        partition(),
        interference(),
        identical(),
        graceful(),
        reuse(),
        full(),
    )
