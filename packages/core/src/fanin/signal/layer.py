"""What is measured of a model, once forward and once backward, before it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Attention", "Dropout", "Layer", "Recurrence", "Sum"]


@dataclass(frozen=True)
class Layer:
    """One layer with weights, in the order in which the layers ran.

    Attributes:
        name: Its path in the model; of a layer that runs again, with which use of it this is: "cell (use 2)".
        kind: The name of its class: "Conv2d".
        std: What tells one sample from another: the root of the mean variance of its outputs over the batch.
        rms: Root mean square of its outputs, which biases and other constants keep large.
        gradient: Root mean square of the loss's derivative by its outputs; None where no gradient arrives.
        nonpositive: Share of its units that are 0 or below for every sample.
        activation: What is applied to its outputs, or to those of the normalization behind it: "relu", or None.
        saturated: Share of its outputs where that activation's derivative is below 1 % of its largest; None where the
            activation does not saturate.
        weight_std: Standard deviation of its weight; None without one.
        weight_rms: Root mean square of its weight; None without one.
        weight_gradient: Root mean square of the loss's derivative by its weight; None where none arrives.
        weight_fan_in: Fan-in of its weight; None where it is not known.
        update: Root mean square of the loss's derivative by the weight, over that of the weight; None for zeros.
        underflow: Share of the loss's derivatives by its outputs, zeros aside, that float16 rounds to 0.
        worst: Of several seeds, the std that is farthest from 1.
        equal: Share of its units whose weights are those of another unit, and their gradients too where there are any;
            units of zeros aside. None where its units are not known.
        is_norm: Whether it is a normalization.
        is_embedding: Whether it is a table of vectors.
        is_head: Whether no other layer is computed from its outputs, where that is known: the last one always is.
    """

    name: str
    kind: str
    std: float
    rms: float
    gradient: float | None = None
    nonpositive: float = 0.0
    activation: str | None = None
    saturated: float | None = None
    weight_std: float | None = None
    weight_rms: float | None = None
    weight_gradient: float | None = None
    weight_fan_in: float | None = None
    update: float | None = None
    underflow: float | None = None
    worst: float | None = None
    equal: float | None = None
    is_norm: bool = False
    is_embedding: bool = False
    is_head: bool = False


@dataclass(frozen=True)
class Sum:
    """The sum of a residual branch and what it skips.

    Attributes:
        name: The module in which it is added.
        std: What tells one sample from another, after the sum.
        branch: The same of the branch alone.
        layers: The names of the layers that ran since the older one of its terms was made: those of the branch.
    """

    name: str
    std: float
    branch: float
    layers: Sequence[str] = ()


@dataclass(frozen=True)
class Attention:
    """One attention.

    Attributes:
        name: The module in which it is computed.
        logits: Standard deviation of what the softmax is taken of, over the keys.
        entropy: Mean entropy of the softmax over that of equal weights: 1 attends to all keys alike, 0 to one.
    """

    name: str
    logits: float
    entropy: float


@dataclass(frozen=True)
class Dropout:
    """One dropout, in the mode for training.

    Attributes:
        name: The module in which it is.
        rate: The share that it sets to 0.
    """

    name: str
    rate: float


@dataclass(frozen=True)
class Recurrence:
    """One layer and direction of a recurrent layer, over the steps.

    Attributes:
        name: The layer.
        steps: How many steps were run.
        first: What tells one sample's state from another's, after the first step.
        last: The same after the last step.
        saturated: Share of its gates and candidates, over all steps, where sigmoid or tanh is flat.
        width: Standard deviation of the recurrent weights, over 1/sqrt(units).
    """

    name: str
    steps: int
    first: float
    last: float
    saturated: float
    width: float
