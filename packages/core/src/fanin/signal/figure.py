"""The picture of a probe: one row per layer, the signal, the gradient and the dead units side by side."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from matplotlib.figure import Figure

from fanin.dtypes import DTYPES
from fanin.signal.verdict import HEALTHY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fanin.signal.result import ModelProbe

__all__ = ["draw"]

_BEFORE: Final = "#c1440e"
_AFTER: Final = "#0072b2"
"""Told apart by every kind of colour blindness (Okabe and Ito's vermilion, darkened, and blue)."""

_MOST: Final = 60
"""As many layers are drawn; of more, evenly chosen ones."""


def draw(probe: ModelProbe, after: ModelProbe | None = None, titled: bool = True) -> Figure:
    """Return the picture, with the verdict above it or, on a page that says it, without."""
    names = [layer.name for layer in probe.layers if not layer.is_norm]
    step = max(1, math.ceil(len(names) / _MOST))
    names = names[::step]
    figure = Figure(figsize=(11, max(3.2, 1.6 + 0.24 * len(names))), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True, width_ratios=(4, 4, 2))
    if titled:
        figure.suptitle("\n".join(textwrap.wrap(probe.verdict, 110)), x=0.01, ha="left", fontsize=10, fontweight="bold")
    shown = [(probe, _BEFORE, "o", "as it is"), *([(after, _AFTER, "s", "after")] if after is not None else [])]
    for one, colour, marker, label in shown:
        found = {layer.name: layer for layer in one.layers}
        rows = [(k, found[name]) for k, name in enumerate(names) if name in found]
        _line(axes[0], [(k, layer.std) for k, layer in rows], colour, marker, label)
        _line(axes[1], [(k, layer.gradient) for k, layer in rows], colour, marker, label)
        axes[2].plot([100 * layer.nonpositive for _, layer in rows], [k for k, _ in rows], marker, color=colour)
    rms = {layer.name: layer.rms for layer in probe.layers}
    axes[0].plot(
        [rms[name] for name in names],
        range(len(names)),
        ":",
        color=_BEFORE,
        lw=1,
        label="RMS as it is, with what all samples share",
    )
    axes[0].axvspan(*HEALTHY, color="#2f9e6e", alpha=0.12, lw=0)
    smallest = DTYPES["float16"].smallest_normal * 2.0**-10
    if min((value for value in axes[0].get_xlim()), default=1.0) < smallest:
        axes[0].axvspan(axes[0].get_xlim()[0], smallest, color="#777777", alpha=0.15, lw=0)
    titles = ("std between samples", "RMS of d loss / d output", "0 or below for\nevery sample, %")
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontsize=10, loc="left")
        axis.grid(axis="x", alpha=0.2)
        axis.spines[["top", "right"]].set_visible(False)
    axes[2].set_xlim(-3, 103)
    axes[0].set_yticks(range(len(names)), [_short(name) for name in names], fontsize=8)
    axes[0].invert_yaxis()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=3, frameon=False, fontsize=9)
    return figure


def _line(axis: Axes, points: Sequence[tuple[int, float | None]], colour: str, marker: str, label: str) -> None:
    known = [(k, value) for k, value in points if value is not None and value > 0 and math.isfinite(value)]
    settings: dict[str, Any] = {"color": colour, "marker": marker, "ms": 4, "lw": 1.5, "label": label}
    axis.plot([value for _, value in known], [k for k, _ in known], **settings)
    axis.set_xscale("log")


def _short(name: str, most: int = 34) -> str:
    return name if len(name) <= most else f"...{name[3 - most :]}"
