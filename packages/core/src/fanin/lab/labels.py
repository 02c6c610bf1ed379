"""Lines labelled where they end, in place of a legend."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.lines import Line2D

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["label_lines", "label_width", "spread"]

_LONG: Final = 18
"""Labels of more letters are broken in two."""

_LETTER: Final = 0.075
_STUB: Final = 0.3
_FONT: Final = 9.0


def _labelled(axes: Axes) -> list[Line2D]:
    return [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]


def _broken(label: str) -> str:
    """Return a label in two lines where it is long, broken before what is in brackets or behind a colon."""
    return re.sub(r"(?<=.{4}:)|(?=\()", "\n", label, count=1) if len(label) > _LONG else label


def label_width(axes: Axes) -> float:
    """Return how many inches the labels of the lines take; 0 where there are fewer than two lines to tell apart."""
    lines = _labelled(axes)
    if len(lines) < 2:
        return 0.0
    words = [word for line in lines for word in _broken(str(line.get_label())).split("\n")]
    return _STUB + _LETTER * max(map(len, words))


def label_lines(axes: Axes) -> None:
    """Write each line's label at the right of the axes, at the height where it ends."""
    lines = _labelled(axes)
    ends = [_end(axes, line) for line in lines]
    texts = [
        _broken(str(line.get_label())) + (" (0)" if end is None else "") for line, end in zip(lines, ends, strict=True)
    ]
    height = axes.get_figure(root=True).get_figheight() * 0.78  # type: ignore[union-attr]  # of the axes, about
    row = _FONT * 1.35 / 72 / height
    sizes = [row * (1 + text.count("\n")) for text in texts]
    places = spread([0.0 if end is None else end for end in ends], sizes)
    for line, end, text, place in zip(lines, ends, texts, places, strict=True):
        colour, start = line.get_color(), place if end is None else end
        stub = Line2D([1.0, 1.03, 1.06], [start, place, place], color=colour, transform=axes.transAxes, lw=1.4)
        stub.set_clip_on(False)
        axes.add_artist(stub)
        if line.get_marker() not in (None, "None", ""):
            dot = Line2D(
                [1.06], [place], color=colour, marker=line.get_marker(), transform=axes.transAxes, markersize=4
            )
            dot.set_clip_on(False)
            axes.add_artist(dot)
        axes.text(1.08, place, text, transform=axes.transAxes, fontsize=_FONT, va="center", linespacing=1.05)


def _end(axes: Axes, line: Line2D) -> float | None:
    """Return the height at which a line ends, from 0 to 1; None where nothing of it is seen."""
    x, y = (np.asarray(values, dtype=np.float64) for values in line.get_data())
    seen = np.isfinite(x) & np.isfinite(y) & ((y > 0) | (axes.get_yscale() != "log"))
    if not seen.any():
        return None
    last = int(np.flatnonzero(seen)[-1])
    height = axes.transAxes.inverted().transform(axes.transData.transform((x[last], y[last])))[1]
    return min(max(float(height), 0.0), 1.0) if math.isfinite(height) else None


def spread(places: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Return heights near the given ones at which labels do not overlap, in the same order.

    Args:
        places: Where the labels' middles should be, from 0 to 1.
        sizes: How high each label is.

    Example:
        >>> spread([0.5, 0.5, 0.1], [0.1, 0.1, 0.1])
        [0.45, 0.55, 0.1]
    """
    order = sorted(range(len(places)), key=lambda k: places[k])
    offsets = [0.0]
    for lower, upper in itertools.pairwise(order):
        offsets.append(offsets[-1] + (sizes[lower] + sizes[upper]) / 2)
    # Without the offsets the heights must only rise: pools of neighbours that would fall share their mean.
    pools: list[list[float]] = []
    for k, offset in zip(order, offsets, strict=True):
        pools.append([places[k] - offset])
        while len(pools) > 1 and _mean(pools[-2]) > _mean(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    room = max(1.0 - offsets[-1], 0.0)
    rising = [min(max(_mean(pool), 0.0), room) for pool in pools for _ in pool]
    found = dict(zip(order, (one + offset for one, offset in zip(rising, offsets, strict=True)), strict=True))
    return [round(found[k], 9) for k in range(len(places))]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
