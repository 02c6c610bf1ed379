"""What is measured of a network: second moments, histograms, and how many units of a layer differ."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.lab.trainer import Trace

__all__ = [
    "BINS",
    "Histogram",
    "Snapshot",
    "distinct_units",
    "evaluate",
    "fewest_distinct",
    "second_moment",
    "snapshot",
]

Array: TypeAlias = NDArray[np.floating[Any]]

BINS = 41
"""Bins of a histogram: odd, so that zero is the middle of one."""


def second_moment(values: Array) -> float:
    """Return the mean of the squares, summed in double precision."""
    return float(np.mean(np.square(values, dtype=np.float64)))


def evaluate(logits: Array, labels: NDArray[np.int64]) -> tuple[float, float]:
    """Return the mean softmax cross-entropy and the accuracy."""
    with np.errstate(all="ignore"):  # logits of a network that diverged
        exact = logits.astype(np.float64)
        exact -= exact.max(axis=1, keepdims=True)
        losses = np.log(np.exp(exact).sum(axis=1)) - exact[np.arange(len(labels)), labels]
        return float(losses.mean()), float((logits.argmax(axis=1) == labels).mean())


def distinct_units(weight: Array, bias: Array, tolerance: float = 1e-5) -> int:
    """Return how many units of a layer differ: the rows of (weight | bias), up to rounding.

    Units that start equal and receive equal gradients stay equal in exact arithmetic; a matrix product may round equal
    columns differently, so rows closer than `tolerance` times the longest row count as one.

    Args:
        weight: Shape (units, inputs), or with more axes of inputs.
        bias: Shape (units,).
        tolerance: Relative to the longest row's Euclidean norm; at least 1e-7, the rounding of the distances.

    Example:
        >>> distinct_units(np.ones((5, 3), np.float32), np.array([0, 0, 1, 1, 2], np.float32))
        3
    """
    rows = np.column_stack([weight.reshape(len(weight), -1), bias]).astype(np.float64)
    if not np.isfinite(rows).all():
        return len({row.tobytes() for row in rows})
    squares = np.square(rows).sum(axis=1)
    close = squares[:, None] + squares[None, :] - 2 * rows @ rows.T <= tolerance**2 * squares.max()
    np.fill_diagonal(close, True)
    unseen, count = np.ones(len(rows), dtype=np.bool_), 0
    while unseen.any():
        unseen &= ~close[unseen.argmax()]
        count += 1
    return count


def fewest_distinct(parameters: Mapping[str, Array]) -> int:
    """Return the smallest number of distinct units that a hidden layer has."""
    hidden = range(len(parameters) // 2 - 1)
    return min(distinct_units(parameters[f"layers.{i}.weight"], parameters[f"layers.{i}.bias"]) for i in hidden)


@dataclass(frozen=True)
class Histogram:
    """Counts as a density over equal bins from `low` to `high`, which are symmetric about zero.

    Attributes:
        low: The lower end of the first bin.
        high: The upper end of the last.
        density: One number a bin.
        rms: Root mean square of all values, infinite or NaN if one of them is.
    """

    low: float
    high: float
    density: tuple[float, ...]
    rms: float = 0.0

    @property
    def span(self) -> tuple[float, float]:
        """The ends of the first and the last bin that is not empty; of a histogram of nothing, all of it."""
        filled = [k for k, height in enumerate(self.density) if height] or [0, len(self.density) - 1]
        width = (self.high - self.low) / len(self.density)
        return self.low + filled[0] * width, self.low + (filled[-1] + 1) * width

    @classmethod
    def of(cls, values: Array) -> Histogram:
        """Return the histogram of the finite values; of values that are all zero, one bar."""
        finite = values[np.isfinite(values)].astype(np.float64)
        reach = float(np.abs(finite).max()) if finite.size else 0.0
        reach = reach or 1.0
        counts, _ = np.histogram(finite, bins=BINS, range=(-reach, reach))
        total = max(int(counts.sum()), 1) * (2 * reach / BINS)
        return cls(-reach, reach, tuple((counts / total).tolist()), math.sqrt(second_moment(values)))


@dataclass(frozen=True)
class Snapshot:
    """A network at one moment, each attribute a tuple with one entry for each layer; the last layer is the output.

    Attributes:
        activation_moments: Mean square of the layer's output.
        gradient_moments: Mean square of the derivative of a sample's loss by the layer's pre-activations.
        distinct: How many of the layer's units differ.
        weight_histograms: Of the layer's weights.
        activation_histograms: Of the layer's output.
        gradient_histograms: Of the derivative of a sample's loss by the layer's pre-activations.
    """

    activation_moments: tuple[float, ...]
    gradient_moments: tuple[float, ...]
    distinct: tuple[int, ...]
    weight_histograms: tuple[Histogram, ...]
    activation_histograms: tuple[Histogram, ...]
    gradient_histograms: tuple[Histogram, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the snapshot as plain data, ready for JSON."""
        return asdict(self)


def snapshot(trace: Trace, parameters: Mapping[str, Array]) -> Snapshot:
    """Measure a network from its parameters and what passed through it."""
    layers = range(len(trace.activations))
    weights = [parameters[f"layers.{i}.weight"] for i in layers]
    biases = [parameters[f"layers.{i}.bias"] for i in layers]
    with np.errstate(all="ignore"):
        return Snapshot(
            activation_moments=tuple(second_moment(values) for values in trace.activations),
            gradient_moments=tuple(second_moment(values) for values in trace.gradients),
            distinct=tuple(distinct_units(w, b) for w, b in zip(weights, biases, strict=True)),
            weight_histograms=tuple(Histogram.of(values) for values in weights),
            activation_histograms=tuple(Histogram.of(values) for values in trace.activations),
            gradient_histograms=tuple(Histogram.of(values) for values in trace.gradients),
        )
