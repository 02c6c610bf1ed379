"""What to compare: initializations, backends and seeds, on one network and one way of training it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from fanin._checks import closest, finite_number, whole_number
from fanin.exceptions import FaninValueError
from fanin.gains.activations import activation_names
from fanin.initializers import Initializer
from fanin.initializers.parse import parse_initialization
from fanin.plans import Plan, plan
from fanin.stream.keys import seed_words

__all__ = ["ACTIVATIONS", "Experiment", "Network"]

ACTIVATIONS: Final = tuple(name for name in activation_names() if name not in ("prelu", "celu"))
"""The activations of the trainers, all without a parameter: prelu and celu are leaky_relu and elu, but for theirs."""


@dataclass(frozen=True)
class Network:
    """A fully connected network: `depth` hidden layers of `width` units, and one output a class."""

    inputs: int
    depth: int
    width: int
    classes: int
    activation: str = "relu"

    @property
    def widths(self) -> list[int]:
        """The width of the input, of each hidden layer, and of the output."""
        return [self.inputs, *[self.width] * self.depth, self.classes]

    def __str__(self) -> str:
        hidden = f"{self.depth} hidden layer{'s' if self.depth > 1 else ''}"
        return f"{self.inputs} inputs, {hidden} of {self.width} {self.activation} units, {self.classes} classes"

    def plans(self, initializer: Initializer) -> list[Plan]:
        """Return the plan of each layer's weight, as `fanin.init_parameters` draws it (but for the seed)."""
        widths = self.widths
        return [
            plan((outputs, inputs), initializer, layout="OI", name=f"layers.{i}.weight")
            for i, (inputs, outputs) in enumerate(itertools.pairwise(widths))
        ]


@dataclass(frozen=True)
class Experiment:
    """What to compare, checked when it is made.

    Attributes:
        initializations: What to compare, as text (`parse_initialization`); the text is also the label.
        backends: Names of the backends to do it on.
        dataset: "digits", scikit-learn's bundled handwritten digits, or the path of an .npz file with X and y.
        depth: Number of hidden layers, at least 1.
        width: Units of each hidden layer, at least 1.
        activation: A name from `ACTIVATIONS`.
        learning_rate: Step size of plain stochastic gradient descent, above 0.
        epochs: Passes over the training data, at least 1.
        batch_size: Samples of one step, at least 1.
        dtype: "float32" or "float64", for weights, data and arithmetic.
        seeds: Each seed draws other weights and another order of the batches; at least one.
    """

    initializations: tuple[str, ...] = ("zeros", "random", "he")
    backends: tuple[str, ...] = ("numpy",)
    dataset: str = "digits"
    depth: int = 8
    width: int = 128
    activation: str = "relu"
    learning_rate: float = 0.02
    epochs: int = 20
    batch_size: int = 32
    seeds: tuple[int, ...] = (0,)
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for name in ("depth", "width", "epochs", "batch_size"):
            whole_number(getattr(self, name), name.replace("_", " "), 1)
        if finite_number(self.learning_rate, "learning rate") <= 0:
            raise FaninValueError(f"learning rate must be above 0. Received: {self.learning_rate}.")
        if self.activation not in ACTIVATIONS:
            raise FaninValueError(
                f"activation must be one that the trainers know. Received: {self.activation!r}."
                f"{closest(str(self.activation), ACTIVATIONS)} Accepted: {', '.join(ACTIVATIONS)}."
            )
        if self.dtype not in ("float32", "float64"):
            raise FaninValueError(f"dtype must be float32 or float64, to train in. Received: {self.dtype!r}.")
        for text in _some(self.initializations, "initializations"):
            parse_initialization(text)
        _some(self.backends, "backends")
        for seed in _some(self.seeds, "seeds"):
            seed_words(seed)

    def equal(self) -> list[str]:
        """Return, for each initialization that is there under several names, a sentence that says so."""
        groups: dict[str, list[str]] = {}
        for text in self.initializations:
            groups.setdefault(repr(parse_initialization(text)), []).append(text)
        return [
            f"{', '.join(names[:-1])} and {names[-1]} are the same initialization, and give the same numbers"
            for names in groups.values()
            if len(names) > 1
        ]

    def network(self, inputs: int, classes: int) -> Network:
        """Return the network for data with this many features and classes."""
        return Network(inputs, self.depth, self.width, classes, self.activation)

    def to_dict(self) -> dict[str, Any]:
        """Return the experiment as plain data, ready for JSON."""
        return asdict(self)


def _some(values: Sequence[Any], what: str) -> Sequence[Any]:
    if not values:
        raise FaninValueError(f"{what} must name at least one. Received: none.")
    if twice := [value for k, value in enumerate(values) if value in values[:k]]:
        raise FaninValueError(f"{what} must differ from each other. Received {twice[0]!r} more than once.")
    return values
