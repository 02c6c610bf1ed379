"""A planted fault, what an audit shall say of it, and how weights are changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .models import Arrays

__all__ = ["Fault", "Plant", "both", "change", "copy", "flat", "law", "normal", "put", "scaled", "times", "uniform"]

Plant = Callable[[Arrays, np.random.Generator], object]


@dataclass(frozen=True)
class Fault:
    """A fault and what an audit shall say.

    Attributes:
        model: The model.
        plant: Changes its weights.
        kind: The kind of the one finding.
        parameters: The parameters that it names.
        text: What its text has.
        mode: "scheme", or "bare" without one.
        severity: How bad it is.
    """

    model: str
    plant: Plant
    kind: str
    parameters: tuple[str, ...]
    text: str = ""
    mode: str = "scheme"
    severity: str = "error"


def put(name: str, place: Any, value: Any) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name][place] = value

    return plant


def times(name: str, factor: float) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name] *= np.asarray(factor, weights[name].dtype)

    return plant


def law(name: str, draw: Callable[[np.random.Generator, tuple[int, ...]], Any]) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name][...] = draw(rng, weights[name].shape)

    return plant


def normal(name: str, std: float, mean: float = 0.0) -> Plant:
    return law(name, lambda rng, shape: rng.normal(mean, std, shape))


def uniform(name: str, bound: float) -> Plant:
    return law(name, lambda rng, shape: rng.uniform(-bound, bound, shape))


def both(*plants: Plant) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        for one in plants:
            one(weights, rng)

    return plant


def scaled(name: str, place: Any, factor: float) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name][place] *= np.float32(factor)

    return plant


def copy(name: str, to: Any, source: Any) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name][to] = weights[name][source]

    return plant


def flat(name: str, place: slice, value: float) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name].reshape(-1)[place] = value

    return plant


def change(name: str, function: Callable[[Any], Any]) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name] = np.ascontiguousarray(function(weights[name]))

    return plant
