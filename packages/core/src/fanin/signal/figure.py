"""The picture of a probe: one row per layer, the signal, the gradient and the dead units side by side."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from fanin.dtypes import DTYPES
from fanin.signal.course import HEALTHY, factor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fanin.signal.result import ModelProbe

__all__ = ["AFTER", "BEFORE", "draw"]

BEFORE: Final = "#c1440e"
AFTER: Final = "#0072b2"
"""Told apart by every kind of colour blindness (Okabe and Ito's vermilion, darkened, and blue)."""

_GREEN: Final = "#2f9e6e"
_GREY: Final = "#777777"
_MOST: Final = 60
"""As many layers are drawn; of more, evenly chosen ones."""


def draw(probe: ModelProbe, after: ModelProbe | None = None, titled: bool = True) -> Figure:
    """Return the picture, with the verdict above it or, on a page that says it, without."""
    names = [layer.name for layer in probe.layers if not layer.is_norm]
    step = max(1, math.ceil(len(names) / _MOST))
    names = names[::step]
    shown = [(probe, BEFORE, "o", "as it is"), *([(after, AFTER, "s", "after")] if after is not None else [])]
    is_trained = any(one.training for one, *_ in shown)
    ratios = (4, 4, 2, 3) if is_trained else (4, 4, 2)
    height = max(3.4, 1.8 + 0.24 * len(names))
    figure = Figure(figsize=(11 + 3 * is_trained, height), layout="constrained")
    grid = figure.add_gridspec(1, len(ratios), width_ratios=ratios)
    first = figure.add_subplot(grid[0])
    axes = [first, *(figure.add_subplot(grid[k], sharey=first) for k in (1, 2))]
    if titled:
        figure.suptitle("\n".join(textwrap.wrap(probe.verdict, 110)), x=0.01, ha="left", fontsize=10, fontweight="bold")
    for one, colour, marker, label in shown:
        found = {layer.name: layer for layer in one.layers}
        rows = [(k, found[name]) for k, name in enumerate(names) if name in found]
        _line(axes[0], [(k, layer.std) for k, layer in rows], colour, marker, label)
        _line(axes[1], [(k, layer.gradient) for k, layer in rows], colour, marker, label)
        axes[2].plot([100 * layer.nonpositive for _, layer in rows], [k for k, _ in rows], marker, color=colour, ms=4)
        _rate(axes[0], [layer.std for _, layer in rows], colour, step)
        _rate(axes[1], [layer.gradient for _, layer in rows], colour, step)
    rms = {layer.name: layer.rms for layer in probe.layers}
    together = "RMS as it is, with what all samples share"
    axes[0].plot([rms[name] for name in names], range(len(names)), ":", color=BEFORE, lw=1, label=together)
    axes[0].axvspan(*HEALTHY, color=_GREEN, alpha=0.12, lw=0)
    axes[0].text(1, -0.75, "healthy", ha="center", va="bottom", fontsize=8, color="#1d6b4a")
    titles = ("std between samples", "RMS of d loss / d output", "0 or below for\nevery sample, %")
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontsize=10, loc="left", pad=22)
        axis.grid(axis="x", alpha=0.2)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[:2]:
        _whole_decades(axis)
    _underflow(axes[0])
    if probe.has_loss:
        _underflow(axes[1])
    axes[2].set_xlim(-3, 103)
    axes[0].set_yticks(range(len(names)), [_short(name) for name in names], fontsize=8)
    for axis in axes[1:]:
        axis.tick_params(labelleft=False)
    axes[0].set_ylim(len(names) - 0.4, -0.6)
    if is_trained:
        _training(figure.add_subplot(grid[3]), shown)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=3, frameon=False, fontsize=9)
    return figure


def _line(axis: Axes, points: Sequence[tuple[int, float | None]], colour: str, marker: str, label: str) -> None:
    known = [(k, value) for k, value in points if value is not None and value > 0 and math.isfinite(value)]
    settings: dict[str, Any] = {"color": colour, "marker": marker, "ms": 4, "lw": 1.5, "label": label}
    axis.plot([value for _, value in known], [k for k, _ in known], **settings)
    axis.set_xscale("log")


def _rate(axis: Axes, values: Sequence[float | None], colour: str, step: int) -> None:
    """Write by which factor a line changes a layer, beside its middle; nothing where it hardly does."""
    known = [(k, value) for k, value in enumerate(values[:-1]) if value and math.isfinite(value)]
    change = factor([value for _, value in known]) ** (1 / step) if len(known) > 2 else 1.0
    if change <= 0 or abs(math.log(change)) < math.log(1.1):
        return
    k, value = known[len(known) // 2]
    text = f"{'×' if change > 1 else '÷'} {max(change, 1 / change):.3g} a layer"
    axis.annotate(text, (value, k), (8, 3), textcoords="offset points", color=colour, fontsize=9, fontweight="bold")


def _whole_decades(axis: Axes) -> None:
    """Let a short axis reach from one power of ten to another: labels between them would lie over each other."""
    low, high = axis.get_xlim()
    if 0 < low < high < 1e2 * low:
        axis.set_xlim(10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high)))
    axis.xaxis.set_minor_formatter(NullFormatter())


def _underflow(axis: Axes) -> None:
    """Shade where float16 and bfloat16 have no numbers, or fewer digits, as far as the axis reaches there."""
    low, high = axis.get_xlim()
    half, brain = DTYPES["float16"], DTYPES["bfloat16"]
    for start, end, alpha, text in (
        (math.ldexp(half.smallest_normal, -half.mantissa), half.smallest_normal, 0.08, "fewer digits\nin float16"),
        (math.ldexp(brain.smallest_normal, -brain.mantissa), math.ldexp(half.smallest_normal, -half.mantissa), 0.17,
         "0 in\nfloat16"),
        (0.0, math.ldexp(brain.smallest_normal, -brain.mantissa), 0.3, "0 in\nbfloat16"),
    ):  # fmt: skip
        if low < end:
            left, right = max(start, low), min(end, high)
            axis.axvspan(left, right, color=_GREY, alpha=alpha, lw=0)
            if math.log(right / left) > 0.09 * math.log(high / low):
                middle = math.exp((math.log(left) + math.log(right)) / 2)
                axis.text(middle, -0.72, text, ha="center", va="bottom", fontsize=7, color="#444444", linespacing=0.9)
    axis.set_xlim(low, high)


def _training(axis: Axes, shown: Sequence[tuple[ModelProbe, str, str, str]]) -> None:
    for one, colour, _, label in shown:
        axis.plot(range(len(one.training)), one.training, color=colour, lw=1.6)
        if one.training and math.isfinite(one.training[-1]):
            axis.annotate(label, (len(one.training) - 1, one.training[-1]), (4, 0), textcoords="offset points",
                          color=colour, fontsize=9, va="center", annotation_clip=False)  # fmt: skip
    axis.set_title("a short run:\nloss on this batch", fontsize=10, loc="left", pad=22)
    axis.set_xlabel("step (Adam, 0.001)", fontsize=9)
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.2)
    axis.spines[["top", "right"]].set_visible(False)


def _short(name: str, most: int = 34) -> str:
    return name if len(name) <= most else f"...{name[3 - most :]}"
