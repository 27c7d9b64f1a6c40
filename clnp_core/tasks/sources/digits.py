"""Digits: scikit-learn's 1,797 images of 8x8 pixels, which need no file."""

import numpy as np

from clnp_core.tasks.sources.source import Arrays, Source


def arrays() -> Arrays:
    """A fifth of them for testing, the same ones always."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.uint8).reshape(-1, 1, 8, 8)
    x_train, x_test, y_train, y_test = train_test_split(
        images, labels.astype(np.int64), test_size=0.2, stratify=labels, random_state=0
    )
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


SOURCE = Source((1, 8, 8), classes=10, white=16, training_images=1437, arrays=arrays, kept=False)
