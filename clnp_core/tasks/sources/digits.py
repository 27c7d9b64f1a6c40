"""Digits: the 1,797 images of 8x8 pixels that scikit-learn has from the UCI repository (CC BY 4.0).

They lie beside this file, and are read in milliseconds: to import scikit-learn takes two seconds of a processor, in
every process that reads them.
"""

from pathlib import Path

import numpy as np

from clnp_core.tasks.sources.source import Arrays, Source


def arrays() -> Arrays:
    """A fifth of them are for testing, stratified by class."""
    with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as stored:
        return dict(stored)


SOURCE = Source((1, 8, 8), classes=10, white=16, training_images=1437, arrays=arrays, kept=False)
