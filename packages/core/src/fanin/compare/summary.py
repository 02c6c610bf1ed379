"""The results for people: a sentence on each initialization, what was trained, and a table as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from fanin.compare.results import Results, Run
from fanin.lab.severity import Severity

__all__ = ["beats_guessing", "checkpoints", "facts", "judgement", "page_rows", "severity", "terminal_cells"]

_LUCK: Final = 0.01
"""Guessing is as good as what beats it once in this many tries."""


def beats_guessing(accuracy: float, samples: int, guessing: float) -> bool:
    """Return whether an accuracy is better than guessing, by a one-sided binomial test at 1 %.

    Args:
        accuracy: Share of the samples that are classified correctly.
        samples: Number of samples.
        guessing: The accuracy of guessing, between 0 and 1.

    Example:
        >>> beats_guessing(21 / 34, 34, 14 / 34), beats_guessing(22 / 34, 34, 14 / 34)
        (False, True)
    """
    from scipy.stats import binom  # slow to import

    return bool(binom.sf(round(accuracy * samples) - 1, samples, guessing) < _LUCK)


def checkpoints(results: Results, count: int = 4) -> list[int]:
    """Return up to `count` epochs that a table shows: the start, the half, the end, and with 4 the quarter too.

    The end is as far as the runs came that are shown.
    """
    epochs = max(run.epochs for run in results.shown)
    return sorted({0, round(epochs / 2), epochs} | ({round(epochs / 4)} if count > 3 else set()))


def judgement(results: Results, initialization: str) -> str:
    """Return what became of an initialization, in a sentence, from the runs of it that are shown."""
    runs = [run for run in results.of(initialization) if run.epochs]
    if not runs:
        begun = [run for run in results.runs if run.initialization == initialization]
        if not begun:
            return f"{initialization}: not trained"
        return f"{initialization}: interrupted after {_epochs(results, begun[-1].epochs)}"
    accuracies = np.array([run.accuracies[run.epochs] for run in runs])
    losses = np.array([run.train_losses[run.epochs] for run in runs])
    chance, samples = 1 / results.data.classes, len(results.data.test_labels)
    baseline = max(results.data.chance, chance)
    stuck = np.array([not beats_guessing(float(value), samples, baseline) for value in accuracies])
    accuracy = f"{accuracies.mean():.1%}"
    fewest = min(run.distinct[run.epochs] for run in runs)
    alike = ", all units of a hidden layer still identical" if fewest == 1 and results.network.width > 1 else ""
    if not np.isfinite(losses).all():
        return f"{initialization}: diverged in {int((~np.isfinite(losses)).sum())} of {len(runs)} runs"
    after = f"after {_epochs(results, max(run.epochs for run in runs))}"
    if stuck.any():
        lucky = accuracies[stuck].max() > baseline
        finding = f"not distinguishable from guessing with {samples} test samples" if lucky else "at chance"
        numbers = f"test accuracy {accuracy}, guessing {baseline:.1%}"
        if not stuck.all():
            after, numbers = f"{after} in {int(stuck.sum())} of {len(runs)} runs", f"mean {numbers}"
        return f"{initialization}: {finding} {after} ({numbers}){alike}"
    interrupted = "" if runs[0].finished else f" {after}"
    return f"{initialization}: learns, test accuracy {accuracy}{interrupted}{alike}"


def severity(results: Results, initialization: str) -> Severity:
    """Return how bad what became of an initialization is."""
    runs = [run for run in results.of(initialization) if run.epochs]
    if not runs:
        return "unknown"
    guessing = max(results.data.chance, 1 / results.data.classes)
    learnt = [
        math.isfinite(run.train_losses[-1])
        and beats_guessing(run.accuracies[-1], len(results.data.test_labels), guessing)
        for run in runs
    ]
    return "fine" if all(learnt) else "warning" if any(learnt) else "failure"


def _epochs(results: Results, epochs: int) -> str:
    asked = results.experiment.epochs
    return f"{epochs if epochs == asked else f'{epochs} of {asked}'} epoch{'s' if asked != 1 else ''}"


def facts(results: Results) -> list[str]:
    """Return what was trained, and how, in a few lines."""
    experiment, data = results.experiment, results.data
    how = (
        f"plain SGD in {experiment.dtype}, learning rate {experiment.learning_rate:g}, batches of "
        f"{experiment.batch_size}, {experiment.epochs} epoch{'s' if experiment.epochs != 1 else ''}"
    )
    return [
        f"{data.name}: {len(data.train_labels)} training and {len(data.test_labels)} test samples",
        f"network: {results.network}",
        f"training: {how}; {_seeds(results)}",
        *experiment.equal(),
    ]


def _seeds(results: Results) -> str:
    """Return which seeds the numbers are of; after an interruption not every initialization has the same."""
    groups: dict[tuple[int, ...], list[str]] = {}
    for label in results.experiment.initializations:
        for backend in results.experiment.backends:
            if seeds := tuple(run.seed for run in results.of(label, backend)):
                name = f"{label} on {backend}" if len(results.experiment.backends) > 1 else label
                groups.setdefault(seeds, []).append(name)
    several = any(len(seeds) > 1 for seeds in groups)
    parts = [
        f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
        + (f" of {', '.join(names)}" if len(groups) > 1 else "")
        for seeds, names in groups.items()
    ]
    return "; ".join(parts) + (" (numbers are means over them, digests are of the first)" if several else "")


def page_rows(results: Results, shown: Sequence[int]) -> list[dict[str, Any]]:
    """Return one row for each initialization and backend, as text: means over the seeds at the epochs shown."""
    return [
        {
            "initialization": label,
            "backend": backend,
            "digest": runs[0].digest[:10],
            "losses": [_mean(runs, "train_losses", epoch, 3) for epoch in shown],
            "accuracies": [_mean(runs, "accuracies", epoch, 1, 100) for epoch in shown],
            "distinct": _distinct(runs, results.network.width),
        }
        for label in results.experiment.initializations
        for backend in results.experiment.backends
        if (runs := results.of(label, backend))
    ]


def _mean(runs: list[Run], attribute: str, epoch: int, digits: int, factor: float = 1.0) -> str:
    values = [getattr(run, attribute)[epoch] for run in runs if epoch <= run.epochs]
    if not values:
        return "-"
    mean = factor * float(np.mean(values))
    if factor > 1 or not abs(mean) >= 10:
        return f"{mean:.{digits}f}"
    return f"{mean:.2f}" if mean < 100 else f"{mean:.0e}"


def _distinct(runs: list[Run], width: int) -> str:
    """Return the fewest distinct units at the end; of a run that diverged there is nothing to count."""
    counts = [run.distinct[-1] for run in runs if math.isfinite(run.train_losses[-1])]
    return f"{min(counts)}/{width}" if counts else "-"


def terminal_cells(results: Results, shown: Sequence[int]) -> tuple[list[str], list[list[str]]]:
    """Return the summary for a terminal: headings, and a row for each initialization and backend."""
    headings = [
        "\ninit",
        "\nbackend",
        "initial\nweights",
        "loss at epoch\n" + " ".join(f"{epoch:>5}" for epoch in shown),
        "test accuracy %\n" + " ".join(f"{epoch:>5}" for epoch in shown),
        "distinct\nunits",
    ]
    rows = [
        [
            row["initialization"],
            row["backend"],
            row["digest"][:8],
            " ".join(f"{text:>5}" for text in row["losses"]),
            " ".join(f"{text:>5}" for text in row["accuracies"]),
            row["distinct"],
        ]
        for row in page_rows(results, shown)
    ]
    return headings, rows
