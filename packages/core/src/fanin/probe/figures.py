"""The plots of `fanin probe`: signal and gradient by layer against the theory, and histograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fanin.lab.figures import INK, Plot, band, log_scale, marker, ridge_plot, whole_numbers
from fanin.lab.palette import styles
from fanin.probe.measure import Probe

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["probe_plots"]


def probe_plots(result: Probe) -> tuple[list[Plot], list[Plot]]:
    """Return the plots of the sizes, and the histograms of weights, activations and gradients."""
    counts = [len(found.snapshots) for found in result.measured]
    seeds = " to ".join(dict.fromkeys((str(min(counts)), str(max(counts)))))
    several = f" Geometric mean of {seeds} seeds; band: lowest to highest." if max(counts) > 1 else ""
    how = f" Markers: measured; thin lines: theory.{several}"
    moments = [
        Plot(
            "signal",
            "Signal by layer",
            f"Root mean square of each layer's output; an output of 0 is not on a logarithmic scale.{how}",
            lambda axes: _moments(axes, result, backward=False),
        ),
        Plot(
            "gradient",
            "Gradient by layer",
            f"Root mean square of the loss's derivative by a layer's pre-activations, from right to left.{how}",
            lambda axes: _moments(axes, result, backward=True),
        ),
    ]
    histograms = []
    numbers = styles([found.initialization for found in result.measured])
    for place, (found, number) in enumerate(zip(result.measured, numbers, strict=True), 1):
        taken = found.snapshots[0]
        kinds = {
            "weights": taken.weight_histograms,
            "activations": taken.activation_histograms,
            "gradients": taken.gradient_histograms,
        }
        histograms += [ridge_plot(what, shown, found.initialization, number, place) for what, shown in kinds.items()]
    return moments, histograms


def _moments(axes: Axes, result: Probe, *, backward: bool) -> None:
    layers = list(range(1, len(result.network.widths)))
    shown: list[Sequence[float]] = []
    numbers = styles([found.initialization for found in result.measured])
    for number, found in zip(numbers, result.measured, strict=True):
        curves = [_roots(taken.gradient_moments if backward else taken.activation_moments) for taken in found.snapshots]
        look = {"linestyle": "", "marker": marker(number)}
        band(axes, layers, curves, found.initialization, number, geometric=True, **look)
        shown += curves
        predicted: Sequence[float] = found.predicted_gradients() or ()
        if not backward:
            predicted = found.theory.activation_moments if found.theory is not None else ()
        if any(predicted):
            axes.plot(layers, _roots(predicted), color=INK, linewidth=1, zorder=1)
    log_scale(axes, shown)
    axes.set_xlabel("layer (the last is the output)")
    axes.set_ylabel("RMS of gradient" if backward else "RMS of output")
    whole_numbers(axes)


def _roots(moments: Sequence[float]) -> list[float]:
    roots: list[float] = np.sqrt(np.array(moments)).tolist()
    return roots
