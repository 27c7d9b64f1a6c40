"""MNIST: handwritten digits."""

from clnp_core.tasks.sources.from_torchvision import from_torchvision
from clnp_core.tasks.sources.source import Source

SOURCE = Source((1, 28, 28), classes=10, white=255, training_images=60_000, arrays=from_torchvision("MNIST"))
