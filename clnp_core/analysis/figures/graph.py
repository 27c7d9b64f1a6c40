"""Draws the network as a graph of neurons and bundles of weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from clnp_core.analysis.anatomy import INPUT, SHARED, Kind, Related
from clnp_core.analysis.examples import Lit
from clnp_core.analysis.figures.base import FREE, INK, PACKED, Theme, as_figure, task_colour, themed
from clnp_core.analysis.figures.kinds import CUT, KINDS, OUTPUT, owners_in_words
from clnp_core.networks.partition import FREE_OWNER


@themed
def partition_graph(
    neurons: pd.DataFrame,
    bundles: pd.DataFrame,
    related: Related | None = None,
    theme: Theme = "light",
    *,
    before: bool = False,
    lit: Lit | None = None,
    title: str = "The partition",
) -> go.Figure:
    """Draw the network as neurons sorted by owner and weights bundled by kind (Fig. 1, interactive).

    Parameters
    ----------
    neurons, bundles : table
        As in `Anatomy.neurons` and `Anatomy.bundles`. Of a layer with more than 2000 neurons only some are drawn.
    related : Related, optional
        The selected neuron with its ancestors and descendants. All other neurons are drawn pale.
    theme : {"light", "dark"}
    before : bool
        Whether to draw the interference that the last task's pruning cut.
    lit : Lit, optional
        What an image lights up, from `examples.lit`: the more active a neuron is, beside the most active one of its
        layer, the less pale and the larger it is drawn; the links that carry the most are drawn, too.
    title : str

    Returns
    -------
    Figure
        The customdata of a hidden neuron is its layer and its index there, such as "2:17".
    """
    names = neurons.drop_duplicates("layer").set_index("layer")["name"]
    columns = {layer: _column(rows) for layer, rows in neurons.groupby("layer")}
    drawn = bundles[~bundles["kind"].isin([Kind.SEVERED, Kind.INTERFERENCE])]
    if before:
        drawn = pd.concat([drawn, bundles[bundles["cut"] > 0]])
    shown = pd.concat(columns.values(), ignore_index=True)
    pale = 0.12 if lit else 0.3 if related else 1.0
    most = bundles["weights"].max()
    order = drawn["kind"].map(_DRAWN_FIRST.index).argsort(kind="stable")
    traces = [_inputs(columns[0], theme)]
    traces += [_bundle(row, columns, most, theme, pale) for row in drawn.iloc[order].to_dict("records")]
    if focus := lit or related:
        traces += [_link(row, columns, theme) for row in focus.links.to_dict("records")]
    shown = shown[shown["layer"] > 0]
    if lit:
        bright = _brightness(shown, lit)
        shown = shown.assign(opacity=_PALE + (1 - _PALE) * bright, dot=shown["dot"] * (1 + 0.6 * bright))
    else:
        shown = shown.assign(opacity=_stepped_back(shown, related))
    last = names.index.max()
    traces += [_neurons(rows, owner, last, theme) for owner, rows in shown.groupby("owner", sort=False)]
    if related:
        traces.append(_ring(related, columns, theme))
    traces += [_kind_in_legend(kind, theme) for kind in _DRAWN_FIRST if kind is not Kind.INTERFERENCE or before]
    layout = {
        "xaxis": {
            "title": {"text": "Layer"},
            "tickvals": list(names.index),
            "ticktext": [
                f"{name.capitalize()}<br>{size}"
                for name, size in zip(names, neurons.groupby("layer")["size"].sum(), strict=True)
            ],
            "range": [-0.2, last + 0.2],
            "showgrid": False,
        },
        "yaxis": {
            "title": {"text": "Neurons, by the task that claimed them"},
            "range": [1.02, -0.02],
            "showticklabels": False,
            "showgrid": False,
        },
        "annotations": _owner_numbers(columns, theme),
        "legend": {"title": {"text": ""}, "y": -0.17, "itemclick": False, "itemdoubleclick": False},
        "hovermode": "closest",
        "hoverdistance": 8,
        "margin": {"l": 40},
    }
    return as_figure(traces, layout, title, 500 if lit else 620, theme)


_MOST_DOTS = 2000  # of a layer
_PALE = 0.18
_MOST_IN_LINE = 60  # neurons of a layer in one column; more are drawn in rows
_MOST_ROWS = 100
_BLOCK = 0.13  # half the width of a layer's neurons, where layers are 1 apart
_GRAPH_PIXELS = 430  # about the height of the neurons
_BLOCK_PIXELS = 70  # about the width of a layer's neurons, for few layers on a large screen
_TRANSFER = {"light": "#7A808C", "dark": "#9AA0AC"}
_DRAWN_FIRST = [Kind.FREE, Kind.TRANSFER, Kind.ACTIVE, Kind.REUSE, Kind.INTERFERENCE]
_MEETS = {  # where a bundle leaves and reaches neurons, as shares of their span
    Kind.ACTIVE: (0.5, 0.35),
    Kind.REUSE: (0.5, 0.65),
    Kind.INTERFERENCE: (0.3, 0.5),
    Kind.TRANSFER: (0.5, 0.4),
    Kind.FREE: (0.6, 0.6),
}
_CURVE_POINTS = 16
_FROM_BLOCK, _TO_BLOCK = 0.02, 0.1  # from the neurons to a bundle's ends, with room for the owner's number
_LEAST_APART = 0.026  # of two numbers, of the height


def _column(rows: pd.DataFrame) -> pd.DataFrame:
    """Add to a layer's neurons their positions x and y, the half width of the block, and the size of a dot."""
    step = -(-len(rows) // _MOST_DOTS)
    groups = [group.iloc[::step] for _, group in rows.groupby(_claimed_first(rows["owner"]))]
    dots = sum(map(len, groups))
    wide = 1 if dots <= _MOST_IN_LINE else -(-dots // min(_MOST_ROWS, round((6 * dots) ** 0.5)))
    lines = [-(-len(group) // wide) for group in groups]
    gap = sum(lines) / 60
    high = sum(lines) + gap * (len(lines) - 1)
    drawn, top = [], 0.0
    for group, line in zip(groups, lines, strict=True):
        place = np.arange(len(group))
        across = (place % wide + 0.5) / wide * 2 - 1 if wide > 1 else 0.0
        drawn.append(group.assign(x=group["layer"] + _BLOCK * across, y=(top + place // wide + 0.5) / high))
        top += line + gap
    size = 0.86 * min(_GRAPH_PIXELS / high, _BLOCK_PIXELS / wide)
    return pd.concat(drawn).assign(dot=min(11.0, max(2.0, size)), half=_BLOCK if wide > 1 else _BLOCK / 4)


def _claimed_first(owners: pd.Series) -> pd.Series:
    """Return sort keys of owners, from top to bottom: unclaimed neurons come last."""
    return owners.astype(int).where(owners != FREE_OWNER, np.iinfo(np.int32).max)


def _inputs(column: pd.DataFrame, theme: Theme) -> dict[str, Any]:
    inputs = column.iloc[0]
    half = inputs["half"]
    return {
        "type": "scatter",
        "x": [-half, half, half, -half, -half],
        "y": [0.2, 0.2, 0.8, 0.8, 0.2],
        "mode": "lines",
        "fill": "toself",
        "hoveron": "fills",
        "hoverinfo": "text",
        "text": f"{inputs['size']} inputs, which every neuron of the first layer reads",
        "name": "input",
        "line": {"width": 0},
        "fillcolor": OUTPUT[theme],
        "showlegend": False,
    }


def _bundle(
    row: Mapping[str, Any], columns: Mapping[int, pd.DataFrame], most: int, theme: Theme, opacity: float
) -> dict[str, Any]:
    """Draw a bundle of weights as one curve, which is wider the more weights there are."""
    kind, below, above = Kind(row["kind"]), columns[row["layer"] - 1], columns[row["layer"]]
    # Bundles that meet the same neurons are drawn a little apart.
    leave, arrive = _MEETS[kind]
    high = _along(above, row["target"], row["target"], arrive)
    low = 0.25 + 0.5 * high if row["low"] == INPUT else _along(below, row["low"], row["high"], leave)
    if row["target"] == SHARED:
        high = 0.25 + 0.5 * low
    begin = row["layer"] - 1 + below["half"].iloc[0] + _FROM_BLOCK
    end = row["layer"] - above["half"].iloc[0] - _TO_BLOCK
    along = np.linspace(0, 1, _CURVE_POINTS)
    return {
        "type": "scatter",
        "x": begin + (end - begin) * along,
        "y": low + (high - low) * along * along * (3 - 2 * along),
        "mode": "lines",
        "name": KINDS[kind],
        "line": {"width": 1 + 7 * (row["weights"] / most) ** 0.5, **_bundle_look(kind, row, theme)},
        "opacity": opacity * (0.85 if kind is Kind.INTERFERENCE else 0.6),
        "text": [_bundle_in_words(row, kind)] * _CURVE_POINTS,
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": False,
    }


def _along(column: pd.DataFrame, low: int, high: int, share: float) -> float:
    """Find a height beside the neurons of some owners: `share` is 0 at their top and 1 at their bottom."""
    places = column["y"][column["owner"].between(low, high)]
    place: float = places.min() + share * (places.max() - places.min())
    return place


def _bundle_look(kind: Kind, row: Mapping[str, Any], theme: Theme) -> dict[str, Any]:
    owner = row["target"] if row["target"] > FREE_OWNER else row["low"]
    return {
        Kind.FREE: {"color": FREE[theme]},
        Kind.TRANSFER: {"color": _TRANSFER[theme], "dash": "dot"},
        Kind.INTERFERENCE: {"color": CUT[theme], "dash": "dash"},
    }.get(kind) or {"color": task_colour(max(owner, 1), theme), "dash": "dashdot" if kind is Kind.REUSE else "solid"}


def _bundle_in_words(row: Mapping[str, Any], kind: Kind) -> str:
    owners = owners_in_words(row["low"], row["high"])
    to = {FREE_OWNER: "free neurons", SHARED: "the output"}.get(row["target"], f"neurons of task {row['target']}")
    text = f"<b>{KINDS[kind]}</b><br>{row['weights']:,} weights from {owners} to {to}"
    if kind is Kind.INTERFERENCE:
        text += f"<br>{row['cut']:,} links were not 0 when they were cut, together |w| = {row['cut_sum']:.3g}"
    return text


def _kind_in_legend(kind: Kind, theme: Theme) -> dict[str, Any]:
    look = _bundle_look(kind, {"target": FREE_OWNER, "low": 1}, theme)
    if kind in (Kind.ACTIVE, Kind.REUSE):
        look["color"] = INK[theme]
    nowhere = {"type": "scatter", "x": [None], "y": [None], "mode": "lines"}
    return nowhere | {"name": KINDS[kind], "line": {"width": 3, **look}}


def _neurons(rows: pd.DataFrame, owner: int, output: int, theme: Theme) -> dict[str, Any]:
    """Draw the neurons of one owner, in all layers."""
    whose = {FREE_OWNER: (FREE[theme], "free", "circle"), SHARED: (OUTPUT[theme], "output", "square")}
    colour, name, symbol = whose.get(owner) or (task_colour(owner, theme), f"task {owner}", "circle")
    about = {FREE_OWNER: "<br>no task has claimed it", SHARED: "<br>read by all tasks"}.get(owner, "")
    return {
        "type": "scatter",
        "x": rows["x"],
        "y": rows["y"],
        "mode": "markers",
        "meta": PACKED,
        "name": name,
        "marker": {
            "color": colour,
            "size": rows["dot"],
            "symbol": symbol,
            "opacity": rows["opacity"],
            "line": {"width": 0},
        },
        "customdata": [
            None if layer == output else f"{layer}:{neuron}"
            for layer, neuron in zip(rows["layer"], rows["neuron"], strict=True)
        ],
        "hoverlabel": {"align": "left"},
        "text": list(map(_neuron_in_words, *(rows[column].tolist() for column in _TOLD))),
        "hovertemplate": f"%{{text}}{about}<extra></extra>",
        "showlegend": False,
    }


_TOLD = ("name", "neuron", "owner", "activity", "inputs", "sketch")


def _neuron_in_words(name: str, neuron: int, owner: int, activity: str, inputs: str, sketch: str) -> str:
    lines = [f"<b>{name}, neuron {neuron}</b>"]
    if owner > FREE_OWNER:
        lines.append(f"claimed by task {owner}")
    if activity:
        lines += ["mean activity", *_broken(activity), "strongest inputs", *_broken(inputs)]
    if sketch:
        lines += ["looks at", sketch]
    return "<br>".join(lines)


def _broken(text: str) -> list[str]:
    """Break a comma-separated list into lines of three items."""
    parts = text.split(", ")
    return [", ".join(parts[place : place + 3]) for place in range(0, len(parts), 3)]


def _stepped_back(shown: pd.DataFrame, related: Related | None) -> np.ndarray | float:
    """Return the opacity of each neuron: those not related to the selected neuron are pale."""
    if related is None:
        return 1.0
    family = [above | below for above, below in zip(related.ancestors, related.descendants, strict=True)]
    family[related.layer][related.neuron] = True
    is_of_it = [family[layer][neuron] for layer, neuron in zip(shown["layer"], shown["neuron"], strict=True)]
    return np.where(is_of_it, 1.0, _PALE)


def _brightness(shown: pd.DataFrame, lit: Lit) -> np.ndarray:
    """Return how bright each neuron is, from 0 to 1: its activation beside the highest of its layer."""
    output = np.arange(1 + shown["neuron"].max()) == lit.output
    layers = [each / max(float(each.max(initial=0)), np.finfo(np.float32).tiny) for each in (*lit.activities, output)]
    return np.array(
        [layers[layer - 1][neuron] for layer, neuron in zip(shown["layer"], shown["neuron"], strict=True)], float
    )


def _place_of(layer: int, neuron: int, columns: Mapping[int, pd.DataFrame]) -> tuple[float, float]:
    """Find where a neuron is drawn. If it was left out, take the nearest neuron drawn."""
    column = columns[layer]
    if layer == 0:
        return 0.0, 0.5
    nearest = (column["neuron"] - neuron).abs().argmin()
    return column["x"].iloc[nearest], column["y"].iloc[nearest]


def _link(row: Mapping[str, Any], columns: Mapping[int, pd.DataFrame], theme: Theme) -> dict[str, Any]:
    ends = ((int(row[f"{end}layer"]), int(row[f"{end}neuron"])) for end in ("from_", ""))
    (left, low), (right, high) = (_place_of(layer, neuron, columns) for layer, neuron in ends)
    return {
        "type": "scatter",
        "x": [left, right],
        "y": [low, high],
        "mode": "lines",
        "name": "strongest links",
        "line": {"width": 1.25, "color": INK[theme]},
        "opacity": 0.55,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _ring(related: Related, columns: Mapping[int, pd.DataFrame], theme: Theme) -> dict[str, Any]:
    x, y = _place_of(related.layer, related.neuron, columns)
    return {
        "type": "scatter",
        "x": [x],
        "y": [y],
        "mode": "markers",
        "name": f"neuron {related.neuron}",
        "marker": {"symbol": "circle-open", "size": 17, "color": INK[theme], "line": {"width": 3}},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _owner_numbers(columns: Mapping[int, pd.DataFrame], theme: Theme) -> list[dict[str, Any]]:
    """Write the tasks' numbers beside their neurons where there is room, so that colour is not the only sign."""
    numbers = []
    for layer, column in columns.items():
        last = -1.0
        for owner, places in column.groupby("owner")["y"]:
            middle = (places.min() + places.max()) / 2
            if owner in (INPUT, SHARED) or abs(middle - last) < _LEAST_APART:
                continue
            last = middle
            numbers.append(
                {
                    "x": layer - column["half"].iloc[0],
                    "y": middle,
                    "xanchor": "right",
                    "text": f"{owner}" if owner else "free",
                    "font": {"size": 11, "weight": 600, "color": task_colour(owner, theme) if owner else INK[theme]},
                    "showarrow": False,
                }
            )
    return numbers
