"""What is studied: initializations, on one network, on some backends and with some seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from fanin._checks import closest, whole_number
from fanin.exceptions import FaninValueError
from fanin.gains.activations import activation_names, plain_name
from fanin.initializers import Initializer
from fanin.initializers.parse import parse_initialization
from fanin.lab.wiring import KINDS, Kind, Weight, sample_shape, weights_of
from fanin.plans import Plan, plan
from fanin.stream.keys import seed_words

__all__ = ["MUP", "OWN", "Network", "OwnNetwork", "Study"]

OWN: Final = "own"
"""Names the initialization that a model's own code gives it."""

MUP: Final = "mup"
"""Names the one that brings learning rates of its own."""


@dataclass(frozen=True)
class Network:
    """A network, fully connected unless its kind says otherwise: `depth` hidden layers and one output per class.

    Attributes:
        inputs: Features of a sample.
        depth: Hidden layers, or blocks of a residual network or a transformer (`fanin.lab.wiring`).
        width: Units or channels of each.
        classes: Outputs.
        activation: What is between the layers.
        kind: How they are connected.
        sample: The shape of a sample; empty for that of a fully connected network.
    """

    inputs: int
    depth: int
    width: int
    classes: int
    activation: str = "relu"
    kind: Kind = "mlp"
    sample: tuple[int, ...] = ()

    @property
    def weights(self) -> list[Weight]:
        """The shape and layout of each layer's weight."""
        return weights_of(self.kind, self.sample or (self.inputs,), self.depth, self.width, self.classes)

    @property
    def units(self) -> list[int]:
        """The units or channels of each layer, the output's last."""
        return [shape[0] for shape, _ in self.weights]

    @property
    def widths(self) -> list[int]:
        """The width of the input, of each hidden layer, and of the output."""
        return [self.inputs, *self.units]

    def __str__(self) -> str:
        many = "s" if self.depth > 1 else ""
        what = {
            "mlp": f"hidden layer{many} of {self.width} {self.activation} units",
            "cnn": f"{self.activation} convolution{many} of {self.width} channels",
            "resnet": f"residual block{many} of two {self.activation} convolutions of {self.width} channels",
            "transformer": f"transformer block{many} of width {self.width} with {self.activation}",
        }
        start = f"{self.inputs} inputs" if self.kind == "mlp" else f"inputs of {' × '.join(map(str, self.sample))}"
        return f"{start}, {self.depth} {what[self.kind]}, {self.classes} classes"

    def plans(self, initializer: Initializer) -> list[Plan]:
        """Return the plan of each layer's weight, as it is drawn (but for the seed and the dtype)."""
        return [
            plan(shape, initializer, layout=layout, name=f"layers.{i}.weight")
            for i, (shape, layout) in enumerate(self.weights)
        ]


@dataclass(frozen=True)
class OwnNetwork(Network):
    """A network that a person's own function builds.

    Attributes:
        model: The function, "my.module:function".
        own_units: The units or channels of each of its layers with a weight.
    """

    model: str = ""
    own_units: tuple[int, ...] = ()

    @property
    def weights(self) -> list[Weight]:
        """Nothing: its own code knows."""
        return []

    @property
    def units(self) -> list[int]:
        """The units or channels of each layer, the output's last."""
        return list(self.own_units)

    def __str__(self) -> str:
        shape = " × ".join(map(str, self.sample))
        return f"{self.model}, {len(self.own_units)} layers; inputs of {shape}, {self.classes} classes"


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
        kind: How the network's layers are connected, one of `fanin.lab.wiring.KINDS`.
        device: Where to draw and train, in the backends' own terms; None for their defaults.
        model: A function that builds a network of its own, "my.module:function"; None for one of a kind.
        is_coordinates: Whether it is a coordinate check, which knows the initialization "mup".
    """

    initializations: tuple[str, ...] = ("zeros", "random", "he")
    backends: tuple[str, ...] = ("numpy",)
    dataset: str = "digits"
    depth: int = 8
    width: int = 128
    activation: str = "relu"
    seeds: tuple[int, ...] = (0,)
    dtype: str = "float32"
    kind: Kind = "mlp"
    device: str | None = None
    model: str | None = None
    is_coordinates: bool = False

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
        if self.kind not in KINDS:
            raise FaninValueError(f"unknown network {self.kind!r}. Accepted: {', '.join(KINDS)}.")
        for text in _some(self.initializations, "initializations"):
            if not (self.model is not None and text == OWN) and not (text == MUP and self.is_coordinates):
                parse_initialization(text)
        _some(self.backends, "backends")
        for seed in _some(self.seeds, "seeds"):
            seed_words(seed)

    def equal(self) -> list[str]:
        """Return, for each initialization that is there under several names, a sentence that says so."""
        groups: dict[str, list[str]] = {}
        for text in (text for text in self.initializations if text not in (OWN, MUP)):
            groups.setdefault(repr(parse_initialization(text)), []).append(text)
        return [
            f"{', '.join(names[:-1])} and {names[-1]} are the same initialization, and give the same numbers"
            for names in groups.values()
            if len(names) > 1
        ]

    def network(self, inputs: int, classes: int, shape: tuple[int, ...] = ()) -> Network:
        """Return the network for data with this many features and classes.

        Args:
            inputs: Features.
            classes: Classes.
            shape: How the features of a sample are arranged, where that matters.

        Raises:
            FaninValueError: A network of this kind takes no such samples.
        """
        sample = () if self.kind == "mlp" else sample_shape(self.kind, shape or (inputs,))
        return Network(inputs, self.depth, self.width, classes, self.activation, self.kind, sample)

    def to_dict(self) -> dict[str, Any]:
        """Return the study as plain data, ready for JSON."""
        return asdict(self)


def _some(values: Sequence[Any], what: str) -> Sequence[Any]:
    if not values:
        raise FaninValueError(f"{what} must name at least one. Received: none.")
    if twice := [value for k, value in enumerate(values) if value in values[:k]]:
        raise FaninValueError(f"{what} must differ from each other. Received {twice[0]!r} more than once.")
    return values
