"""What is studied: initializations, on one network, on some backends and with some seeds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fanin._checks import closest, whole_number
from fanin.exceptions import FaninValueError
from fanin.gains.activations import activation_names, plain_name
from fanin.initializers import Initializer
from fanin.initializers.parse import parse_initialization
from fanin.plans import Plan, plan
from fanin.stream.keys import seed_words

__all__ = ["Network", "Study"]


@dataclass(frozen=True)
class Network:
    """A fully connected network: `depth` hidden layers of `width` units, and one output per class."""

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
        return [
            plan((outputs, inputs), initializer, layout="OI", name=f"layers.{i}.weight")
            for i, (inputs, outputs) in enumerate(itertools.pairwise(self.widths))
        ]


@dataclass(frozen=True)
class Study:
    """What to study, checked when it is made.

    Attributes:
        initializations: Each as text (`parse_initialization`); the text is also the label.
        backends: Names of the backends to do it on.
        dataset: "digits", scikit-learn's bundled handwritten digits, or the path of an .npz file with X and y.
        depth: Number of hidden layers, at least 1.
        width: Units of each hidden layer, at least 1.
        activation: One of `activation_names()`; whether the trainers know it too is for `check` to say.
        seeds: Each seed draws other weights; at least one.
        dtype: "float32" or "float64", for weights, data and arithmetic.
    """

    initializations: tuple[str, ...] = ("zeros", "random", "he")
    backends: tuple[str, ...] = ("numpy",)
    dataset: str = "digits"
    depth: int = 8
    width: int = 128
    activation: str = "relu"
    seeds: tuple[int, ...] = (0,)
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for name in ("depth", "width"):
            whole_number(getattr(self, name), name, 1)
        if isinstance(self.activation, str):
            object.__setattr__(self, "activation", plain_name(self.activation))
        if self.activation not in (known := activation_names()):
            raise FaninValueError(
                f"unknown activation {self.activation!r}.{closest(str(self.activation), known)} Accepted: "
                f"{', '.join(known)}, as far as the backends' trainers know them."
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
        """Return the study as plain data, ready for JSON."""
        return asdict(self)


def _some(values: Sequence[Any], what: str) -> Sequence[Any]:
    if not values:
        raise FaninValueError(f"{what} must name at least one. Received: none.")
    if twice := [value for k, value in enumerate(values) if value in values[:k]]:
        raise FaninValueError(f"{what} must differ from each other. Received {twice[0]!r} more than once.")
    return values
