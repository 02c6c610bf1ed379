"""What a trainer is: the framework-specific part of `fanin compare` and `fanin probe`, and how it is found.

A trainer is a fully connected network with softmax cross-entropy, built from drawn parameters, and trained by plain
stochastic gradient descent through its framework's own automatic differentiation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from fanin._checks import closest
from fanin.exceptions import BackendImportError, FaninValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.floating[Any]]

__all__ = ["TRAINER_GROUP", "Trace", "Trainer", "TrainerFactory", "kinds_of", "load_trainer", "trainable_backends"]

TRAINER_GROUP = "fanin.trainers"
"""The entry-point group: its name is the backend's, its value a `TrainerFactory`."""


class Trace(NamedTuple):
    """What passes through a network of L layers on one batch, a NumPy array for each layer, first to last.

    Attributes:
        activations: Each layer's output, shape (samples, units): phi(z) of the hidden layers, then the logits.
        gradients: Derivative of each sample's own loss by each layer's pre-activation z, shape (samples, units).
    """

    activations: list[Array]
    gradients: list[Array]


class Trainer(Protocol):
    """A network on its way: layer i computes `z = x @ weight.T + bias`, and every layer but the last phi(z).

    Arrays in and out are NumPy: `inputs` of shape (samples, features) and the parameters' dtype, `labels` int64 of
    shape (samples,), classes from 0. Everything is computed in that dtype, on the parameters' device, and nothing is
    random.
    """

    def step(self, inputs: Array, labels: NDArray[np.int64]) -> float:
        """Take one step, `parameter -= learning_rate * gradient`, and return the mean loss before it.

        The loss of a sample is `logsumexp(logits) - logits[label]`. A loss that is not finite is returned as it is.
        """
        ...

    def logits(self, inputs: Array) -> Array:
        """Return the network's output, shape (samples, classes)."""
        ...

    def trace(self, inputs: Array, labels: NDArray[np.int64]) -> Trace:
        """Return every layer's output and gradient; the parameters stay as they are."""
        ...

    def parameters(self) -> dict[str, Array]:
        """Return copies of the current parameters by name: "layers.0.weight" (out, in), "layers.0.bias", ..."""
        ...


class TrainerFactory(Protocol):
    """What the entry point holds: a callable, usually the trainer's class.

    Attributes:
        activations: The names, of those in `fanin.gains.activations.activation_names()`, that it can train with.
    """

    @property
    def activations(self) -> Collection[str]:
        """The activations that it knows."""
        ...

    def __call__(
        self, parameters: Mapping[str, Any], *, activation: str, learning_rate: float, **settings: Any
    ) -> Trainer:
        """Return a trainer.

        Args:
            parameters: Arrays of the backend's library as `fanin.init_parameters` draws them, layout "OI".
            activation: One of `activations`.
            learning_rate: Above 0.
            settings: For networks that are not fully connected, which a trainer may do without: `kind`, one of its
                `kinds`, and `sample`, the shape of a sample (`fanin.lab.wiring`).
        """
        ...


def kinds_of(factory: TrainerFactory) -> tuple[str, ...]:
    """Return the kinds of networks that a trainer can train: the fully connected one, and those that it names."""
    return tuple(getattr(factory, "kinds", ("mlp",)))


def trainable_backends() -> tuple[str, ...]:
    """Return the names of the backends that a trainer is installed for, numpy first; nothing is imported."""
    names = {point.name for point in entry_points(group=TRAINER_GROUP)}
    return tuple(sorted(names, key=lambda name: (name != "numpy", name)))


def load_trainer(backend: str, activation: str) -> TrainerFactory:
    """Return the trainer of a backend, for networks with an activation.

    Raises:
        FaninValueError: The backend has none, or it does not know the activation.
        BackendImportError: It is installed, and its import failed; the cause is chained.
    """
    for point in entry_points(group=TRAINER_GROUP, name=backend):
        try:
            factory: TrainerFactory = point.load()
            known = tuple(factory.activations)
        except Exception as error:
            raise BackendImportError(
                f"the trainer of backend {backend!r} is installed, and loading {point.value} failed: "
                f"{type(error).__name__}: {error}. Repair or reinstall the backend."
            ) from error
        if activation not in known:
            raise FaninValueError(
                f"the trainer of backend {backend!r} does not know the activation {activation!r}."
                f"{closest(activation, known)} Accepted: {', '.join(known)}."
            )
        return factory
    raise FaninValueError(
        f"backend {backend!r} draws weights and has no trainer (entry points {TRAINER_GROUP!r}), so it cannot train."
        f" Backends with one: {', '.join(trainable_backends()) or 'none'}."
    )
