"""A network for own data: its depth and widths, how it looks, and its number of parameters."""

from typing import Any

import streamlit as st

from clnp_core.analysis import figures
from clnp_core.networks.architectures import Architecture
from clnp_core.runs.spec import own_network
from dashboard.components.live_chart import live_chart

_WIDTHS = [4, 8, 16, 32, 50, 64, 100, 150, 200, 300, 400, 600, 800, 1000, 1500, 2000, 3000, 4000]
_CHANNELS = [4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512]
_MOST_LAYERS = 6
_WIDTH, _FIRST_CHANNELS = 200, (16, 32, 64)


def choose_network(stream: dict[str, Any]) -> Architecture:
    """Choose depth and widths.

    Raises
    ------
    SpecError
        If there is no layer, or the images are too small for so many convolutions.
    """
    channels: list[int] = []
    if stream["image_shape"][1] > 1:
        count = st.slider(
            "Convolutions", 0, _MOST_LAYERS, 0, key="own conv", help="Of 3x3 pixels. Each halves height and width."
        )
        channels = [
            st.select_slider(
                f"Channels of conv {n}",
                _CHANNELS,
                _FIRST_CHANNELS[min(n, len(_FIRST_CHANNELS)) - 1],
                key=f"own conv {n}",
            )
            for n in range(1, count + 1)
        ]
    count = st.slider("Dense layers", 0, _MOST_LAYERS, 2, key="own dense")
    widths = [
        st.select_slider(f"Neurons of dense layer {n}", _WIDTHS, _WIDTH, key=f"own dense {n}")
        for n in range(1, count + 1)
    ]
    return own_network(stream, widths, channels)


def show_network(network: Architecture, stream: dict[str, Any]) -> None:
    """Show a network, and how many parameters it has."""
    shared, all_heads = network.parameters(), network.parameters(stream["tasks"])
    theme = st.context.theme.type or "light"
    layers = " → ".join([*(f"{layer.name} {layer.width}" for layer in network.hidden), f"{network.outputs} classes"])
    live_chart(figures.network(network, theme), "own network", f"The network: {layers}.")
    st.markdown(
        f"**{shared:,} parameters** with one output layer for all tasks; {all_heads:,} with one for each of "
        f"{stream['tasks']:,} tasks."
    )
