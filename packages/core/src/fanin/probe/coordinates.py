"""The coordinate check: how far a few steps of training move each layer's output, at several widths.

Yang, Hu et al. 2021, "Tensor programs V: tuning large neural networks via zero-shot hyperparameter transfer", appendix
D.1. Where the moves keep their size from width to width, so does the best learning rate; muP is made for that, and the
usual parametrization is not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from fanin._checks import finite_number
from fanin.api import init, init_parameters
from fanin.exceptions import FaninValueError
from fanin.gains import gain
from fanin.initializers.parse import parse_initialization
from fanin.initializers.presets import constant
from fanin.lab.data import Data
from fanin.lab.network import MUP, Network, Study
from fanin.lab.severity import Severity
from fanin.lab.snapshot import second_moment
from fanin.lab.trainer import load_trainer
from fanin.lab.training import PROBED, one_thread
from fanin.recipes import mup
from fanin.signal.seeds import geometric_mean

__all__ = ["PARTS", "Coordinates", "Moves", "coordinates"]

PARTS: Final = ("first layer", "last hidden layer", "output")

_STEPS: Final = 3
_FLAT: Final = 0.35
"""An exponent of the width below this is none: narrow networks bring 0.3, and what is to be found is 0.5 to 1."""

_DEVIATIONS: Final = 3.0
"""An exponent of as many standard deviations, over draws of the weights, may be chance."""

_NOISE: Final = 5.0
"""What a layer of n ReLU units adds to the variance of a move's logarithm, times n: as much as to a mean square's,
since a move is a signal's root times a gradient's."""


@dataclass
class Moves:
    """How far the outputs of one initialization's layers move.

    Attributes:
        initialization: Its label.
        sizes: For each of `PARTS`, for each width, the root mean square of the change, one per seed.
    """

    initialization: str
    sizes: dict[str, list[list[float]]] = field(default_factory=lambda: {part: [] for part in PARTS})

    def means(self, part: str) -> list[float]:
        """Return the geometric mean over the seeds at each width."""
        return [geometric_mean(found) for found in self.sizes[part]]

    def exponent(self, part: str, widths: Sequence[int]) -> float:
        """Return the power of the width with which a part's moves grow; NaN where they are 0 or not finite."""
        means = self.means(part)
        if len(means) < 2 or not all(0 < size < math.inf for size in means):
            return math.nan
        return float(np.polyfit(np.log(widths[: len(means)]), np.log(means), 1)[0])


@dataclass
class Coordinates:
    """What a coordinate check gave.

    Attributes:
        widths: The widths.
        network: The network, of the first width.
        data: The data.
        learning_rate: That of the first width.
        moves: One per initialization.
        seeds: How many networks each number is a mean of.
        complete: Whether all were trained.
    """

    widths: tuple[int, ...]
    network: Network
    data: Data
    learning_rate: float
    seeds: int
    moves: list[Moves] = field(default_factory=list)
    complete: bool = False

    @property
    def chance(self) -> float:
        """What an exponent of the width may be by chance, where the moves keep their size: three standard deviations.

        Of the slope of a line through the logarithms, of variance 5 (depth - 1) / (width seeds) each.
        """
        places = np.log(self.widths) - np.mean(np.log(self.widths))
        variances = _NOISE * (self.network.depth - 1) / (np.array(self.widths) * self.seeds)
        return float(_DEVIATIONS * np.sqrt(np.sum(places**2 * variances)) / np.sum(places**2))

    def verdict(self, found: Moves) -> tuple[Severity, str]:
        """Return how bad it is, and a sentence: whether one learning rate is right for all widths."""
        name, ends = found.initialization, f"from width {self.widths[0]} to {self.widths[-1]}"
        done = len(found.sizes[PARTS[0]])
        if done < len(self.widths):
            return "unknown", f"{name}: interrupted after {done} of {len(self.widths)} widths"
        exponents = {part: found.exponent(part, self.widths) for part in PARTS}
        if not all(map(math.isfinite, exponents.values())):
            return "failure", f"{name}: a layer does not move at all, or diverges, in {_STEPS} steps"
        worst = max(exponents, key=lambda part: abs(exponents[part]))
        power = exponents[worst]
        if abs(power) < _FLAT:
            return (
                "fine",
                f"{name}: every layer's moves keep their size {ends}, so that one learning rate fits them all",
            )
        course = "grow" if power > 0 else "shrink"
        times = (self.widths[-1] / self.widths[0]) ** abs(power)
        change = f"{name}: the moves of the {worst} {course} as width^{power:.2f}, {times:.1f}× {ends}"
        if abs(power) < self.chance:
            return "unknown", f"{change}, which may be chance: take more seeds, wider networks, or fewer layers"
        text = f"{change}: a learning rate found at one width does not fit the others (fanin.recipes.mup)"
        return "warning", text

    def cells(self) -> list[list[str]]:
        """Return one row for each initialization and part, as text; what was interrupted has fewer widths."""
        return [
            [
                found.initialization,
                part,
                *(f"{size:.2g}" for size in found.means(part)),
                *["-"] * (len(self.widths) - len(found.means(part))),
                f"{found.exponent(part, self.widths):.2f}",
            ]
            for found in self.moves
            for part in PARTS
        ]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row for each initialization, part and width."""
        return [
            {
                "initialization": found.initialization,
                "part": part,
                "width": width,
                "move": size,
                "exponent": found.exponent(part, self.widths),
            }
            for found in self.moves
            for part in PARTS
            for width, size in zip(self.widths, found.means(part), strict=False)
        ]


def coordinates(
    study: Study,
    data: Data,
    widths: Sequence[int],
    learning_rate: float = 0.02,
    on_network: Callable[[str, int], None] = lambda *_: None,
) -> Coordinates:
    """Train each network for a few steps of gradient descent on one batch, and measure how far its layers move.

    A KeyboardInterrupt ends the check and not the program: the result is then marked as not complete.

    Args:
        study: What to check, on numpy; its width is not used. The initialization "mup" has learning rates of its own,
            and starts the output's weights at 0.
        data: The data.
        widths: Two or more widths, each wider than the one before.
        learning_rate: That of the first width, above 0.
        on_network: Called with label and width when a network begins.

    Raises:
        FaninTypeError: The learning rate is no number.
        FaninValueError: The widths do not rise, or the learning rate is not above 0.
    """
    if finite_number(learning_rate, "learning rate") <= 0:
        raise FaninValueError(f"learning rate must be above 0. Received: {learning_rate}.")
    sizes = tuple(widths)
    if len(sizes) < 2 or sizes[0] < 1 or any(b <= a for a, b in itertools.pairwise(sizes)):
        raise FaninValueError(
            f"--widths takes two or more widths above 0, each wider than the one before. Received: "
            f"{' '.join(map(str, sizes)) or 'none'}."
        )
    data = data.astype(study.dtype)
    first = replace(study, width=sizes[0]).network(data.features, data.classes)
    result = Coordinates(sizes, first, data, learning_rate, len(study.seeds))
    with one_thread(), suppress(KeyboardInterrupt), np.errstate(all="ignore"):
        for label in study.initializations:
            found = Moves(label)
            for width in sizes:
                on_network(label, width)
                runs = [_moves(replace(first, width=width), label, sizes[0], seed, result) for seed in study.seeds]
                for part, own in zip(PARTS, zip(*runs, strict=True), strict=True):
                    found.sizes[part].append(list(own))
                if width == sizes[0]:  # not earlier: what is interrupted has at least its beginning
                    result.moves.append(found)
        result.complete = True
    return result


def _moves(network: Network, label: str, base: int, seed: int, result: Coordinates) -> tuple[float, float, float]:
    """Return how far the first layer, the last hidden one and the output move."""
    inputs, labels = result.data.train_inputs[:PROBED], result.data.train_labels[:PROBED]
    parameters, rates = _drawn(network, label, base, seed, str(inputs.dtype))
    make = load_trainer("numpy", network.activation)

    def trainer() -> Any:
        return make(parameters, activation=network.activation, learning_rate=1.0)

    before = trainer().trace(inputs, labels).activations
    for _ in range(_STEPS):
        trace = trainer().trace(inputs, labels)
        values = [inputs, *trace.activations[:-1]]
        for k, (rate, own, delta) in enumerate(zip(rates, values, trace.gradients, strict=True)):
            step = result.learning_rate * rate / len(inputs)
            parameters[f"layers.{k}.weight"] = parameters[f"layers.{k}.weight"] - step * (delta.T @ own)
            # muP has the biases of hidden layers among the inputs' weights: what they multiply, 1, has no width.
            parameters[f"layers.{k}.bias"] = parameters[f"layers.{k}.bias"] - (
                result.learning_rate * (rates[0] if k < len(rates) - 1 else 1.0) / len(inputs) * delta.sum(axis=0)
            )
    after = trainer().trace(inputs, labels).activations
    moved = [math.sqrt(second_moment(b - a)) for a, b in zip(before, after, strict=True)]
    return moved[0], moved[-2], moved[-1]


def _drawn(network: Network, label: str, base: int, seed: int, dtype: str) -> tuple[dict[str, Any], Sequence[float]]:
    """Return a network's parameters and its layers' factors of the learning rate."""
    depth = network.depth + 1
    if label != MUP:
        law = parse_initialization(label)
        own: Mapping[str, Any] = init_parameters(network.widths, law, seed=seed, backend="numpy", dtype=dtype)
        return dict(own), [1.0] * depth
    drawn: dict[str, Any] = {}
    rates = []
    for k, (shape, layout) in enumerate(network.weights):
        role: Any = "input" if k == 0 else "output" if k == depth - 1 else "hidden"
        before = 1.0 if k == 0 else gain(network.activation)
        chosen = mup(role, network.width / base, gain=before, optimizer="sgd")
        rates.append(chosen.learning_rate)
        settings: dict[str, Any] = {"seed": seed, "backend": "numpy", "dtype": dtype}
        # The output from zeros, as appendix D.2 advises: otherwise its start hides the rule in narrow networks.
        law = constant(0.0) if role == "output" else chosen.initializer
        drawn[f"layers.{k}.weight"] = init(shape, law, layout=layout, name=f"layers.{k}.weight", **settings)
        drawn[f"layers.{k}.bias"] = np.zeros(shape[0], dtype)
    return drawn, rates
