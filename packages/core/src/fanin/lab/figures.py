"""One plot: drawn by matplotlib, as a PNG for anywhere and as an SVG that takes the page's colours."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from fanin.lab.snapshot import BINS, Histogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLOURS", "INK", "MARKERS", "Plot", "band", "colour", "log_scale", "marker", "ridge_plot", "whole_numbers"]

COLOURS: Final = ("#d1495b", "#e08e1b", "#2a7fbf", "#2f9e6e", "#8a6bbf", "#7c7c7c", "#b5651d", "#3aa6a6")
"""Legible on white and on near-black (contrast of at least 2.4 to either), told apart by most colour-blind readers."""

MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: Final = ("-", (0, (4, 2)), (0, (1, 1.5)), (0, (5, 1, 1, 1)))

INK: Final = "#0a0b0c"
"""Stands for the text's colour; in an SVG the page chooses it."""

_LEGEND_ROW: Final = 0.24
"""Height of a row of the legend in inches."""

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
        handles, labels = axes.get_legend_handles_labels()
        if len(labels) > 1:
            longest = max(map(len, labels))  # of which 48 letters, with handles of 7, fit a line
            columns = min(len(labels), max(1, 48 // (longest + 7)))
            figure.legend(handles, labels, loc="outside lower center", ncols=columns)
            rows = -(-len(labels) // columns)
            figure.set_figheight(height + _LEGEND_ROW * (rows - 1))  # so that the axes keep their height
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


def colour(index: int) -> str:
    """Return the colour of the series at a position."""
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    """Return the marker of the series at a position."""
    return MARKERS[index % len(MARKERS)]


def band(
    axes: Axes, x: Sequence[float], curves: Sequence[Sequence[float]], label: str | None, index: int, **style: Any
) -> None:
    """Draw the mean of several curves, and the band from the lowest to the highest.

    Curves that stop early (an interrupted run) are drawn as far as all of them reach.
    """
    length = min(map(len, curves))
    values = np.array([curve[:length] for curve in curves], dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    with np.errstate(all="ignore"):
        mean = values.mean(axis=0)
        if np.isfinite(mean).sum() == 1:  # of a network that diverged at once: a point, which no line shows
            style.setdefault("marker", marker(index))
        # Earlier curves are wider, so that they can be seen beneath later ones that coincide with them.
        axes.plot(x[:length], mean, label=label, color=colour(index), linewidth=max(4.4 - 1.1 * index, 1.3), **style)
        if len(values) > 1:
            # A zero has no place on a logarithmic axis: there the band reaches below the axis instead of breaking off.
            low, high = np.maximum(values.min(axis=0), 1e-300), values.max(axis=0)
            low[high == 0] = np.nan
            axes.fill_between(x[:length], low, high, color=colour(index), alpha=0.18, linewidth=0)


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


def ridge_plot(what: str, histograms: Sequence[Histogram], label: str, index: int) -> Plot:
    """Return a plot of histograms above each other, the first layer on top.

    Heights are the square roots of the densities, so that a tall peak (ReLU's zeros) leaves the rest visible.

    Args:
        what: "weights" or "activations".
        histograms: One a layer.
        label: The initialization.
        index: Its position, for the colour and the file's name.
    """

    def draw(axes: Axes) -> None:
        for row, histogram in enumerate(histograms):
            base = len(histograms) - 1 - row
            edges = np.linspace(histogram.low, histogram.high, len(histogram.density) + 1)
            heights = np.sqrt(np.array(histogram.density))
            heights = base + 0.9 * heights / max(float(heights.max()), 1e-300)
            axes.stairs(heights, edges, baseline=base, fill=True, color=colour(index), alpha=0.55)
            axes.stairs(heights, edges, baseline=base, color=colour(index), linewidth=0.8)
        names = ["out", *map(str, range(len(histograms) - 1, 0, -1))]
        every = 1 + len(names) // 12
        axes.set_yticks(range(0, len(names), every), names[::every])
        low, high = min(histogram.span[0] for histogram in histograms), max(h.span[1] for h in histograms)
        first = histograms[0]
        if high - low < 1.5 * (first.high - first.low) / BINS:  # equal values: their bin would fill the plot
            low, high = first.low, first.high
        axes.set_xlim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        axes.locator_params(axis="x", nbins=5)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("weight" if what == "weights" else "output of a unit")
        axes.set_ylabel("layer")

    return Plot(
        f"{what}-{index + 1}",
        f"{label}: {what} by layer",
        "Before training, of one seed. Height: square root of the share, each layer by its own peak.",
        draw,
        size=(4.8, min(1.6 + 0.26 * len(histograms), 7)),
    )
