"""CIFAR-10: small photographs of ten kinds."""

from clnp_core.tasks.sources.from_torchvision import from_torchvision
from clnp_core.tasks.sources.source import Source

SOURCE = Source((3, 32, 32), classes=10, white=255, training_images=50_000, arrays=from_torchvision("CIFAR10"))
