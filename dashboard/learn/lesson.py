"""The lesson on catastrophic and graceful forgetting, in order."""

from functools import cache

from dashboard.learn.first_task import active, graceful, gradual, partition, sparsity
from dashboard.learn.forgetting import overwritten, place_your_bet, two_tasks
from dashboard.learn.later_tasks import alike, full, identical, interference, reuse
from dashboard.learn.step import Step


@cache
def lesson() -> tuple[Step, ...]:
    """Put the steps together, once."""
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
        gradual(),
        reuse(),
        alike(),
        full(),
    )
