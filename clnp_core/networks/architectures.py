"""Networks as data: what layers there are, before any weight exists. Imports no torch."""

import math
from dataclasses import dataclass

# A matrix product of fewer multiplications than this is faster on one thread than on two.
_SINGLE_THREAD_WEIGHTS = 1_000_000


@dataclass(frozen=True)
class Dense:
    """A fully connected hidden layer followed by ReLU; its neurons are what the partition partitions."""

    name: str
    width: int


@dataclass(frozen=True)
class Architecture:
    """A feed-forward network: input, hidden layers with ReLU, one output layer per head.

    Attributes
    ----------
    name : str
    input_shape : tuple of int
        (channels, height, width) of one image.
    hidden : tuple of Dense
        From the input upwards.
    outputs : int
        Classes of one head.
    """

    name: str
    input_shape: tuple[int, int, int]
    hidden: tuple[Dense, ...]
    outputs: int

    @property
    def inputs(self) -> int:
        """Number of input values of one image."""
        return math.prod(self.input_shape)

    @property
    def widths(self) -> tuple[int, ...]:
        """Neurons of each hidden layer."""
        return tuple(layer.width for layer in self.hidden)

    @property
    def fan_in(self) -> tuple[int, ...]:
        """Inputs of each hidden layer, and last of the output layer."""
        return (self.inputs, *self.widths)

    @property
    def threads(self) -> int:
        """Threads a training step of this network is computed with.

        Chosen by size and not by machine: the number of threads decides the order in which a product is summed,
        so a result must not depend on how many cores happened to be there.
        """
        largest = max(a * b for a, b in zip(self.fan_in, (*self.widths, self.outputs), strict=True))
        return 1 if largest < _SINGLE_THREAD_WEIGHTS else 2


ARCHITECTURES = {
    network.name: network
    for network in (
        Architecture("digits-mlp", (1, 8, 8), (Dense("layer 1", 400), Dense("layer 2", 400)), 10),
        # Zenke, Poole, Ganguli 2017; CLNP section 3.1.
        Architecture("zenke-mlp", (1, 28, 28), (Dense("layer 1", 2000), Dense("layer 2", 2000)), 10),
    )
}
