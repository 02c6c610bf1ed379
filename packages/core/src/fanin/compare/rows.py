"""The results as rows of plain data, one file each: what other programs read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fanin.compare.agreement import Agreement
from fanin.compare.results import Results

__all__ = ["curve_rows", "difference_rows", "layer_rows", "summary_rows"]


def summary_rows(results: Results) -> list[dict[str, Any]]:
    """Return one row per run: where it started and where it ended."""
    return [
        {
            "initialization": run.initialization,
            "backend": run.backend,
            "seed": run.seed,
            "digest": run.digest,
            "epochs": run.epochs,
            "first_loss": run.train_losses[0],
            "last_loss": run.train_losses[-1],
            "last_accuracy": run.accuracies[-1],
            "fewest_distinct_units": None if run.diverged else run.distinct[-1],
            "width": results.network.width,
            "seconds": round(run.seconds, 3),
        }
        for run in results.shown
    ]


def curve_rows(results: Results) -> list[dict[str, Any]]:
    """Return one row for each run and epoch."""
    return [
        {
            "initialization": run.initialization,
            "backend": run.backend,
            "seed": run.seed,
            "epoch": epoch,
            "train_loss": run.train_losses[epoch],
            "test_accuracy": run.accuracies[epoch],
            "fewest_distinct_units": run.distinct[epoch] if math.isfinite(run.train_losses[epoch]) else None,
        }
        for run in results.shown
        for epoch in range(len(run.accuracies))
    ]


def layer_rows(results: Results) -> list[dict[str, Any]]:
    """Return one row for each run, moment (before or after training) and layer."""
    return [
        {
            "initialization": run.initialization,
            "backend": run.backend,
            "seed": run.seed,
            "moment": moment,
            "layer": layer + 1,
            "activation_second_moment": taken.activation_moments[layer],
            "gradient_second_moment": taken.gradient_moments[layer],
            "distinct_units": None if moment == "after" and run.diverged else taken.distinct[layer],
        }
        for run in results.shown
        for moment, taken in (("before", run.before), ("after", run.after))
        if taken is not None
        for layer in range(len(taken.distinct))
    ]


def difference_rows(found: Sequence[Agreement]) -> list[dict[str, Any]]:
    """Return one row for each initialization and step: the largest difference between two backends' losses."""
    return [
        {"initialization": item.initialization, "step": step, "largest_loss_difference": float(value)}
        for item in found
        for step, value in enumerate(item.differences)
    ]
