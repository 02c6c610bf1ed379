"""The plots of `fanin compare`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fanin.compare.agreement import ROUNDING_ALONE, Agreement
from fanin.compare.results import Results, Run
from fanin.lab.figures import DASHES, Plot, band, colour, log_scale, marker, ridge_plot, whole_numbers
from fanin.lab.palette import styles
from fanin.lab.snapshot import Snapshot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["difference_plot", "histogram_plots", "overview_plots"]


def overview_plots(results: Results) -> list[Plot]:
    """Return the plots that hold all initializations: loss, accuracy, moments by layer, distinct units."""
    counts = [len(runs) for _, _, runs in _first_runs(results)]
    seeds = " to ".join(dict.fromkeys((str(min(counts)), str(max(counts)))))
    several = (
        f" Line: mean of {seeds} seeds (by layer the geometric one); band: their range." if max(counts) > 1 else ""
    )
    dashes = ", ".join(
        f"{name} {style}"
        for name, style in zip(results.experiment.backends, ("solid", "dashed", "dotted"), strict=False)
    )
    drawn = f" Backends over each other: {dashes}." if len(results.experiment.backends) > 1 else ""
    first = results.experiment.backends[0]
    moments = f" Solid: before training; dashed: after. On {first}.{several}"
    return [
        Plot(
            "loss",
            "Training loss",
            f"Mean cross-entropy over the training data, after each epoch.{several}{drawn}",
            lambda axes: _curves(axes, results, "train_losses", "training loss"),
        ),
        Plot(
            "accuracy",
            "Test accuracy",
            f"Share of the test samples that are classified correctly.{several}{drawn}",
            lambda axes: _curves(axes, results, "accuracies", "test accuracy"),
        ),
        Plot(
            "activations",
            "Signal by layer",
            f"Root mean square of each layer's output; an output of 0 is not on a logarithmic scale.{moments}",
            lambda axes: _layers(axes, results, lambda taken: taken.activation_moments, "RMS of output"),
        ),
        Plot(
            "gradients",
            "Gradient by layer",
            f"Root mean square of the loss's derivative by a layer's pre-activations, from right to left.{moments}",
            lambda axes: _layers(axes, results, lambda taken: taken.gradient_moments, "RMS of gradient"),
        ),
        Plot(
            "distinct",
            "Distinct units by layer",
            f"Share of a layer's units that differ from each other; after a divergence there is none.{moments}",
            lambda axes: _distinct(axes, results),
        ),
    ]


def _first_runs(results: Results) -> Iterator[tuple[int, str, list[Run]]]:
    """Yield the number of the colour, the label and the runs of each initialization on the first backend."""
    labels = results.experiment.initializations
    for number, label in zip(styles(labels), labels, strict=True):
        if runs := results.of(label, results.experiment.backends[0]):
            yield number, label, runs


def _snapshots(runs: Sequence[Run], moment: str) -> list[Snapshot]:
    """Return the networks before or after training; after a training that diverged there is nothing to see."""
    found = [run.before if moment == "before" else run.after for run in runs if moment == "before" or not run.diverged]
    return [taken for taken in found if taken is not None]


def _curves(axes: Axes, results: Results, attribute: str, heading: str) -> None:
    shown = []
    labels = results.experiment.initializations
    for number, label in zip(styles(labels), labels, strict=True):
        for position, backend in enumerate(results.experiment.backends):
            if runs := results.of(label, backend):
                curves = [getattr(run, attribute) for run in runs]
                epochs = list(range(max(map(len, curves))))
                style = DASHES[position % len(DASHES)]
                band(axes, epochs, curves, label if position == 0 else None, number, linestyle=style)
                shown += curves
    if attribute == "train_losses":
        log_scale(axes, shown)
    else:
        axes.axhline(results.data.chance, color="#888888", linewidth=1, linestyle=":", zorder=0)
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlim(0, max(1, *(run.epochs for run in results.shown)))
    axes.set_xlabel("epoch")
    axes.set_ylabel(heading)
    whole_numbers(axes)


def _layers(axes: Axes, results: Results, pick: Callable[[Snapshot], Sequence[float]], heading: str) -> None:
    shown: list[Sequence[float]] = []
    for number, label, runs in _first_runs(results):
        for moment, style in (("before", "-"), ("after", (0, (4, 2)))):
            if curves := [np.sqrt(pick(snapshot)).tolist() for snapshot in _snapshots(runs, moment)]:
                layers = list(range(1, len(curves[0]) + 1))
                look = {"linestyle": style, "marker": marker(number)}
                band(axes, layers, curves, label if moment == "before" else None, number, geometric=True, **look)
                shown += curves
    log_scale(axes, shown)
    axes.set_xlabel("layer (the last is the output)")
    axes.set_ylabel(heading)
    whole_numbers(axes)


def _distinct(axes: Axes, results: Results) -> None:
    sizes = np.array(results.network.units)
    for number, label, runs in _first_runs(results):
        for moment, style in (("before", "-"), ("after", (0, (4, 2)))):
            if curves := [(np.array(taken.distinct) / sizes).tolist() for taken in _snapshots(runs, moment)]:
                layers = list(range(1, len(sizes) + 1))
                named = label if moment == "before" else None
                band(axes, layers, curves, named, number, linestyle=style, marker=marker(number))
    axes.set_ylim(0, 1.05)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel("layer (the last is the output)")
    axes.set_ylabel("distinct units")
    whole_numbers(axes)


def histogram_plots(results: Results) -> list[Plot]:
    """Return, for each initialization, histograms of weights, activations and gradients by layer, before training."""
    plots = []
    for number, label, runs in _first_runs(results):
        place = results.experiment.initializations.index(label) + 1
        if (taken := runs[0].before) is not None:
            plots += [
                ridge_plot("weights", taken.weight_histograms, label, number, place),
                ridge_plot("activations", taken.activation_histograms, label, number, place),
                ridge_plot("gradients", taken.gradient_histograms, label, number, place),
            ]
    return plots


def difference_plot(results: Results, found: Sequence[Agreement]) -> Plot:
    """Return the plot of the largest difference between two backends' losses at each step."""

    def draw(axes: Axes) -> None:
        shown = []
        for number, item in zip(styles([item.initialization for item in found]), found, strict=True):
            steps = np.arange(len(item.differences))
            axes.plot(
                steps,
                np.where(item.differences > 0, item.differences, np.nan),
                color=colour(number),
                label=item.initialization,
                linewidth=1,
            )
            shown.append(item.differences.tolist())
            if item.control is not None:
                values = np.where(item.control > 0, item.control, np.nan)
                pale: dict[str, Any] = {"color": colour(number), "linewidth": 3.5, "alpha": 0.3, "zorder": 1}
                axes.plot(steps[: len(values)], values[: len(steps)], **pale)
                shown.append(item.control.tolist())
        log_scale(axes, shown)
        axes.set_xlabel("step")
        axes.set_ylabel("largest difference of loss")
        whole_numbers(axes)

    control = f" Pale: {ROUNDING_ALONE}." if any(item.control is not None for item in found) else ""
    names = ", ".join(results.experiment.backends)
    return Plot(
        "differences",
        "Backends against each other",
        f"Largest difference between the losses of any two of {names} at each step, over the seeds.{control}",
        draw,
    )
