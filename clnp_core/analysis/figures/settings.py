"""Draws the settings of a sweep's sequences as parallel coordinates, and which of them matters most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from clnp_core.analysis.figures.base import (
    BACKGROUND,
    FREE,
    INK,
    RULE,
    TRADE_OFF,
    UNTITLED_LEGEND,
    Theme,
    as_figure,
    task_colour,
    themed,
)
from clnp_core.analysis.figures.sweeps import NO_VALUE, in_short, sequence_in_words
from clnp_core.analysis.sweeps import BY_SEED, MEASURES, TOGETHER, Brushes, chosen_rows, levels, values_of

_MEASURED = {"mean_accuracy": "Mean accuracy", "capacity_used": "Capacity used"}
_FAN = 0.6  # of the room between two values: how far the lines through one are spread
_BRUSH = 0.8  # of that room: how far the brush over a value reaches
_ABOVE_UNKNOWN = 0.12  # where a scale begins, if the results of some are not known


@themed
def parallel_coordinates(
    frame: pd.DataFrame, axes: Sequence[str], theme: Theme = "light", chosen: Brushes | None = None
) -> go.Figure:
    """Draw each sequence of a sweep as a line through its settings to its capacity used and its mean accuracy.

    Parameters
    ----------
    frame, axes
        As for `sweep`. Values of a setting are equally far apart, the least at the bottom, and lines through the same
        value fan out, the most accurate on top. The more accurate a sequence, the stronger its colour; the best is
        emphasised, and those that are not finished are dotted.
    theme : {"light", "dark"}
    chosen : mapping of str to sequence, optional
        What of some axes is chosen, as `chosen_rows` takes it: drawn on the axes, and the other sequences are faded.

    Returns
    -------
    Figure
        A point's customdata is its run's id and the hover text.
    """
    drawn = frame.dropna(subset=["mean_accuracy"]).sort_values("mean_accuracy", kind="stable")
    parallel = _axes(frame, axes)
    count = len(parallel)
    heights = [axis.heights(drawn[name]) for name, axis in parallel.items()]
    accuracy, kept = heights[-1], chosen_rows(drawn, chosen).to_numpy()
    order = np.argsort(kept, kind="stable")  # the chosen ones above the others
    rows, traces = drawn.to_dict("records"), []
    for number in order:
        row = rows[number]
        is_best = kept[number] and number == order[-1]
        colour = TRADE_OFF[theme]["front"] if is_best else _between(float(accuracy[number]), theme)
        words = (
            f"mean accuracy {row['mean_accuracy']:.2%}, capacity used "
            f"{NO_VALUE if np.isnan(row['capacity_used']) else format(row['capacity_used'], '.1%')}<br>"
            f"{sequence_in_words(row, axes)}"
        )
        line = {"color": colour, "width": 3 if is_best else 1.5}
        mark = {"size": 7 if is_best else 5, "color": colour}
        if not kept[number]:
            line, mark = {"color": FREE[theme], "width": 1}, {"size": 3, "color": FREE[theme]}
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": list(range(count)),
                "y": [float(each[number]) for each in heights],
                "name": row["run"],
                "customdata": [[row["run"], words]] * count,
                "line": line | {"dash": "solid" if row["state"] == "finished" else "dot"},
                "marker": mark,
                "hovertemplate": "%{customdata[1]}<extra></extra>",
                "showlegend": False,
                **({} if kept[number] else {"hoverinfo": "skip"}),
            }
        )
    label = {"showarrow": False, "xanchor": "left", "xshift": 8, "bgcolor": BACKGROUND[theme], "borderpad": 1}
    rule = {"type": "line", "y0": 0, "y1": 1, "line": {"color": RULE[theme], "width": 1}, "layer": "below"}
    brush = {
        "type": "rect",
        "xsizemode": "pixel",
        "x0": -6,
        "x1": 6,
        "fillcolor": INK[theme],
        "opacity": 0.35,
        "line": {"color": INK[theme], "width": 1},
    }
    brushes = [
        brush | {"xanchor": place, "y0": low, "y1": high}
        for place, (name, axis) in enumerate(parallel.items())
        for low, high in axis.spans((chosen or {}).get(name, ()))
    ]
    layout = {
        "xaxis": {
            "tickvals": list(range(count)),
            "ticktext": [
                *(name.replace(".", ".<br>").replace(" ", "<br>", 1) for name in parallel if name not in MEASURES),
                "Capacity<br>(%)",
                "Accuracy<br>(%)",
            ],
            "tickangle": 0,
            "side": "top",
            "range": [-0.1, count - 0.55],
            "showgrid": False,
            "fixedrange": True,
        },
        "yaxis": {"visible": False, "range": [-0.04, 1.04], "fixedrange": True},
        "shapes": [*(rule | {"x0": place, "x1": place} for place in range(count)), *brushes],
        "annotations": [
            label | {"x": place, "y": height, "text": text}
            for place, axis in enumerate(parallel.values())
            for height, text in axis.ticks
        ],
        "margin": {"t": 96, "b": 20, "l": 20, "r": 12},
        "hovermode": "closest",
    }
    return as_figure(traces, layout, "Settings of each sequence", 440, theme)


def brushed(frame: pd.DataFrame, axes: Sequence[str], x: Sequence[float], y: Sequence[float]) -> tuple[str, list[Any]]:
    """Tell what a box over the parallel coordinates of a sweep takes: the axis it is nearest to, and what of that.

    Parameters
    ----------
    frame, axes
        As they were drawn.
    x, y : pair of float
        The sides of the box, in the figure's coordinates.

    Returns
    -------
    str, list
        As an entry of what `chosen_rows` takes. A box between two values takes the nearest; the bounds of a result are
        rounded outwards to a hundredth of a percentage point.
    """
    parallel = _axes(frame, axes)
    name = list(parallel)[round(min(max(sum(x) / 2, 0), len(parallel) - 1))]
    return name, parallel[name].within(min(y), max(y))


@themed
def setting_importance(shares: pd.DataFrame, theme: Theme = "light") -> go.Figure:
    """Draw how much of the variance of accuracy and capacity each setting of a sweep accounts for.

    Parameters
    ----------
    shares : table
        As `sweeps.importance` returns it. A stroke across a bar is the share by chance alone.
    theme : {"light", "dark"}
    """
    measures = [name for name in MEASURES if (shares["measure"] == name).any()]
    names = [*dict.fromkeys(each for each in shares["setting"] if each not in (TOGETHER, BY_SEED))]
    names += [each for each in (TOGETHER, BY_SEED) if (shares["setting"] == each).any()]
    in_words = {TOGETHER: "only in<br>combination", BY_SEED: "chance<br>(seeds)"}
    colours = {"mean_accuracy": task_colour(1, theme), "capacity_used": FREE[theme]}
    traces: list[dict[str, Any]] = []
    written: list[dict[str, Any]] = []
    for number, measure in enumerate(measures):
        rows = shares[shares["measure"] == measure]
        # Bars of numbers, not of names, so that a stroke can be put across each of them.
        place = np.array([names.index(each) for each in rows["setting"]]) + 0.38 * (number - (len(measures) - 1) / 2)
        shared = {"y": place, "name": _MEASURED[measure], "legendgroup": measure}
        traces.append(
            shared
            | {
                "type": "bar",
                "orientation": "h",
                "x": 100 * rows["share"],
                "width": 0.34,
                "marker": {"color": colours[measure]},
                "customdata": [in_words.get(name, name).replace("<br>", " ") for name in rows["setting"].astype(str)],
                "hovertemplate": (
                    f"%{{customdata}}: %{{x:.1f}} % of the variance of {_MEASURED[measure].lower()}<extra></extra>"
                ),
            }
        )
        ends = 100 * rows[["share", "chance"]].max(axis=1)
        written += [
            {"x": x, "y": y, "text": f"{share:.0%}", "showarrow": False, "xanchor": "left", "xshift": 4}
            for x, y, share in zip(ends, place, rows["share"], strict=True)
        ]
        chance = rows["chance"].notna().to_numpy()
        traces.append(
            shared
            | {
                "type": "scatter",
                "mode": "markers",
                "x": 100 * rows["chance"][chance],
                "y": place[chance],
                "name": "by chance alone",
                "legendgroup": "chance",
                "marker": {"symbol": "line-ns", "size": 14, "line": {"width": 2, "color": INK[theme]}},
                "hovertemplate": "by chance alone: %{x:.1f} %<extra></extra>",
                "showlegend": number == 0,
            }
        )
    layout = {
        "xaxis": {"title": {"text": "Share of the variance (%)"}, "range": [0, 112], "tickvals": [0, 25, 50, 75, 100]},
        "yaxis": {
            "tickvals": list(range(len(names))),
            "ticktext": [in_words.get(name, name) for name in names],
            "range": [len(names) - 0.5, -0.5],
            "showgrid": False,
        },
        "annotations": written,
        "barmode": "overlay",
        "hovermode": "closest",
        **UNTITLED_LEGEND,
    }
    return as_figure(traces, layout, "Which setting matters most", 190 + 62 * max(3, len(names)), theme)


@dataclass(frozen=True)
class _Levels:
    """An axis of few values, the least at the bottom; None, where a setting has no effect, comes first."""

    values: list[Any]

    @property
    def _centres(self) -> np.ndarray:
        return (np.arange(len(self.values)) + 0.5) / len(self.values)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        return [(height, in_short(value)) for height, value in zip(self._centres, self.values, strict=True)]

    def heights(self, column: pd.Series) -> np.ndarray:
        """Place sequences, which ascend in accuracy, at heights from 0 to 1."""
        of = np.array([self.values.index(value) for value in values_of(column)], dtype=int)
        place = self._centres[of] if len(of) else np.empty(0)
        for level in set(of):
            here = of == level
            place[here] += np.linspace(-0.5, 0.5, here.sum()) * _FAN / len(self.values) if here.sum() > 1 else 0
        return place

    def spans(self, brush: Sequence[Any]) -> list[tuple[float, float]]:
        half = _BRUSH / 2 / len(self.values)
        chosen = [height for height, value in zip(self._centres, self.values, strict=True) if value in brush]
        return [(height - half, height + half) for height in chosen]

    def within(self, low: float, high: float) -> list[Any]:
        inside = (self._centres >= low) & (self._centres <= high)
        if not inside.any():
            inside[np.abs(self._centres - (low + high) / 2).argmin()] = True
        return [value for value, is_inside in zip(self.values, inside, strict=True) if is_inside]


@dataclass(frozen=True)
class _Scale:
    """An axis from the least to the greatest of a result, which are fractions; those of unknown result are beneath."""

    low: float
    high: float
    some_unknown: bool

    @property
    def _floor(self) -> float:
        return _ABOVE_UNKNOWN if self.some_unknown else 0.0

    def _height(self, share: Any) -> Any:
        if self.high == self.low:
            return 0 * share + 0.5
        return self._floor + (share - self.low) / (self.high - self.low) * (1 - self._floor)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        unknown = [(0.0, NO_VALUE)] if self.some_unknown else []
        known = [] if math.isnan(self.low) else sorted({self.low, (self.low + self.high) / 2, self.high})
        return [*unknown, *((self._height(share), f"{100 * share:.1f}") for share in known)]

    def heights(self, column: pd.Series) -> np.ndarray:
        return np.asarray(self._height(column.astype(float)).fillna(0.0))

    def spans(self, brush: Sequence[Any]) -> list[tuple[float, float]]:
        if not brush or brush[0] is None:
            return [(-0.03, 0.03)] * (len(brush) > 0)
        low, high = np.clip([self._height(share) for share in brush], self._floor, 1)
        return [(float(low), float(high))]

    def within(self, low: float, high: float) -> list[Any]:
        if self.some_unknown and (high < self._floor or math.isnan(self.low)):
            return [None]
        share = np.clip([(each - self._floor) / (1 - self._floor) for each in (low, high)], 0, 1)
        least, most = 1e4 * (self.low + share * (self.high - self.low))
        return [math.floor(least) / 1e4, math.ceil(most) / 1e4]


def _axes(frame: pd.DataFrame, axes: Sequence[str]) -> dict[str, _Levels | _Scale]:
    """Describe the axes from left to right, by name: the settings in which sequences differ, and the results."""
    found: dict[str, _Levels | _Scale] = {}
    for name in axes:
        if len(values := levels(frame[name])) > 1:
            found[name] = _Levels(values)
    drawn = frame.dropna(subset=["mean_accuracy"])
    for name in reversed(MEASURES):
        column = drawn[name].astype(float)
        found[name] = _Scale(column.min(), column.max(), bool(column.isna().any()))
    return found


def _between(share: float, theme: Theme) -> str:
    low, high = (np.array(hex_to_rgb(TRADE_OFF[theme][name])) for name in ("other", "own"))
    return "#{:02X}{:02X}{:02X}".format(*((1 - share) * low + share * high).round().astype(int))
