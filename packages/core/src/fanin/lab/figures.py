"""One plot: drawn by matplotlib, as a PNG for anywhere and as an SVG that takes the page's colours."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from fanin.lab.labels import label_lines, label_width
from fanin.lab.palette import colour, marker
from fanin.lab.snapshot import BINS, Histogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DASHES", "INK", "Plot", "band", "colour", "log_scale", "marker", "ridge_plot", "whole_numbers"]

DASHES: Final = ("-", (0, (4, 2)), (0, (1, 1.5)), (0, (5, 1, 1, 1)))

INK: Final = "#0a0b0c"
"""Stands for the text's colour; in an SVG the page chooses it."""

_STYLE: Final[Any] = {  # matplotlib's types know the keys of a literal only
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "grid.alpha": 0.15,
    "grid.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 4,
    "svg.fonttype": "none",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@dataclass(frozen=True)
class Plot:
    """A plot that can be drawn more than once.

    Attributes:
        name: Its file name, without the ending.
        title: What it shows, in a few words.
        caption: How to read it, in a sentence or two.
        draw: Draws it on axes.
        size: Width and height in inches.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[Axes], None]
    size: tuple[float, float] = (4.8, 3.4)

    def _figure(self, titled: bool) -> Figure:
        width, height = self.size
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.add_subplot()
        self.draw(axes)
        if extra := label_width(axes):
            figure.set_figwidth(width + extra)  # so that the axes keep their width
            label_lines(axes)
        if titled:
            figure.suptitle(self.title, fontsize=12)
        return figure

    def save(self, path: Path) -> None:
        """Write the plot as a PNG on white, with its title."""
        with matplotlib.rc_context(_STYLE):
            self._figure(titled=True).savefig(path, format="png", dpi=160, facecolor="white")

    def svg(self) -> str:
        """Return the plot as an SVG element: text as text, ink in the page's colour, and no background."""
        with matplotlib.rc_context(_STYLE | {"svg.hashsalt": self.name}):
            buffer = io.StringIO()
            nothing: dict[str, Any] = dict.fromkeys(("Creator", "Date", "Format", "Type"))
            self._figure(titled=False).savefig(buffer, format="svg", transparent=True, metadata=nothing)
        text = buffer.getvalue()
        text = text[text.index("<svg") :].replace(INK, "currentColor")
        text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
        text = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true">', text, count=1)
        # Ids are page-wide in HTML: two plots must not share one.
        return re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{self.name}-", text)


def band(
    axes: Axes,
    x: Sequence[float],
    curves: Sequence[Sequence[float]],
    label: str | None,
    number: int,
    *,
    geometric: bool = False,
    **style: Any,
) -> None:
    """Draw the mean of several curves, and the band from the lowest to the highest.

    Curves that stop early (an interrupted run) are drawn as far as all of them reach.

    Args:
        axes: Where.
        x: The abscissas.
        curves: The curves.
        label: What is written beside the line, if anything.
        number: The number of its colour and marker (`fanin.lab.palette`).
        geometric: Whether the mean is the geometric one, of the values above 0: for a logarithmic axis.
        style: Of the line, as matplotlib has it.
    """
    length = min(map(len, curves))
    values = np.array([curve[:length] for curve in curves], dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    with np.errstate(all="ignore"):
        positive = np.where(values > 0, values, np.nan)
        known = np.isfinite(positive).sum(axis=0)
        mean = np.exp(np.nansum(np.log(positive), axis=0) / known) if geometric else values.mean(axis=0)
        if np.isfinite(mean).sum() == 1:  # of a network that diverged at once: a point, which no line shows
            style.setdefault("marker", marker(number))
        # Lower numbers are wider and beneath, so that lines that coincide are all seen.
        wide, above = max(3.0 - 0.25 * number, 1.3), 2 + 0.01 * number
        axes.plot(x[:length], mean, label=label, color=colour(number), linewidth=wide, zorder=above, **style)
        if len(values) > 1:
            # A zero has no place on a logarithmic axis: there the band reaches below the axis instead of breaking off.
            low, high = np.maximum(values.min(axis=0), 1e-300), values.max(axis=0)
            low[high == 0] = np.nan
            axes.fill_between(x[:length], low, high, color=colour(number), alpha=0.18, linewidth=0)


def log_scale(axes: Axes, curves: Sequence[Sequence[float]]) -> None:
    """Make the y axis logarithmic if any value is above 0; zeros fall below its lower end."""
    values = np.array([value for curve in curves for value in curve], dtype=np.float64)
    values = values[np.isfinite(values) & (values > 0)]
    if values.size:
        axes.set_yscale("log", nonpositive="mask")
        low, high = float(values.min()), float(values.max())
        margin = max(1.5, (high / low) ** 0.06) if high / low < 1e300 else 1e18
        axes.set_ylim(low / margin, high * margin)


def whole_numbers(axes: Axes) -> None:
    """Put the ticks of the x axis at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


_REACH: Final = 5.0
"""A histogram is drawn as far as this many times the layer's root mean square."""

_AXES: Final = {"weights": "weight", "activations": "output of a unit", "gradients": "gradient of a pre-activation"}


def ridge_plot(what: str, histograms: Sequence[Histogram], label: str, number: int, place: int) -> Plot:
    """Return a plot of histograms above each other, the first layer on top, each scaled by its root mean square.

    Heights are the square roots of the densities, so that a tall peak (ReLU's zeros) leaves the rest visible.

    Args:
        what: "weights", "activations" or "gradients".
        histograms: One a layer.
        label: The initialization.
        number: The number of its colour.
        place: Its position, from 1, for the file's name.
    """

    def draw(axes: Axes) -> None:
        reach = 0.0
        for row, histogram in enumerate(histograms):
            base = len(histograms) - 1 - row
            scale = histogram.rms if 0 < histogram.rms < math.inf else histogram.high
            edges = np.linspace(histogram.low, histogram.high, len(histogram.density) + 1) / scale
            heights = np.sqrt(np.array(histogram.density))
            heights = base + 0.9 * heights / max(float(heights.max()), 1e-300)
            axes.stairs(heights, edges, baseline=base, fill=True, color=colour(number), alpha=0.55)
            axes.stairs(heights, edges, baseline=base, color=colour(number), linewidth=0.8)
            size = f"{histogram.rms:.1e}" if math.isfinite(histogram.rms) else "overflow"
            axes.text(1.02, base + 0.2, size, transform=axes.get_yaxis_transform(), fontsize=8.5, va="bottom")
            bins = (histogram.high - histogram.low) / scale / BINS
            reach = max(reach, 0.0 if histogram.rms else 1.1, *(abs(end) / scale for end in histogram.span), 1.5 * bins)
        names = ["out", *map(str, range(len(histograms) - 1, 0, -1))]
        every = 1 + len(names) // 12
        axes.set_yticks(range(0, len(names), every), names[::every])
        axes.set_xlim(-min(1.05 * reach, _REACH), min(1.05 * reach, _REACH))
        axes.locator_params(axis="x", nbins=5)
        axes.grid(visible=False, axis="y")
        axes.text(1.02, len(histograms) + 0.05, "RMS", transform=axes.get_yaxis_transform(), fontsize=8.5, va="bottom")
        axes.set_xlabel(f"{_AXES[what]} / RMS of the layer")
        axes.set_ylabel("layer")

    return Plot(
        f"{what}-{place}",
        f"{label}: {what} by layer",
        "Before training, of one seed. Each layer by its own root mean square, which stands on the right; height: "
        "square root of the share, by the layer's own peak.",
        draw,
        size=(4.8, min(1.6 + 0.26 * len(histograms), 7)),
    )
