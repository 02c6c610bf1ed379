"""How the layers of each network are connected, said once for every framework: a trainer brings the operations."""

from __future__ import annotations

import math
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from fanin.exceptions import FaninValueError

__all__ = ["KINDS", "Kind", "Operations", "Weight", "positions", "sample_shape", "weights_of", "wire"]

Kind: TypeAlias = Literal["mlp", "cnn", "resnet", "transformer"]
Weight: TypeAlias = tuple[tuple[int, ...], str]
"""The shape of a layer's weight, and its layout."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_HEADS: Final = 4
_KERNEL: Final = 3


class Operations(Protocol):
    """What a framework brings; arrays are its own."""

    def layer(self, number: int, inputs: Any) -> Any:
        """Return a dense layer's output, of the last axis, or a convolution's with its edges padded by zeros."""
        ...

    def activate(self, number: int, inputs: Any) -> Any:
        """Apply the activation to what layer `number` returned, which is its output from then on."""
        ...

    def normalize(self, inputs: Any) -> Any:
        """Return the last axis with mean 0 and variance 1 (1e-5 added to the variance), without a scale."""
        ...

    def attend(self, queries: Any, keys: Any, values: Any) -> Any:
        """Return softmax(queries keys^T / sqrt(size)) values, of the last two axes."""
        ...

    def constant(self, array: NDArray[np.float64], like: Any) -> Any:
        """Return an array of the framework, of the dtype and on the device of another."""
        ...


def sample_shape(kind: Kind, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a sample as a network of a kind takes it.

    Raises:
        FaninValueError: It takes no samples of this shape.

    Example:
        >>> sample_shape("cnn", (8, 8)), sample_shape("transformer", (8, 8)), sample_shape("mlp", (8, 8))
        ((1, 8, 8), (8, 8), (64,))
    """
    if kind == "mlp":
        return (math.prod(shape),)
    if kind == "transformer" and len(shape) in (1, 2):
        return shape if len(shape) == 2 else (*shape, 1)
    if kind != "transformer" and len(shape) in (2, 3):
        return shape if len(shape) == 3 else (1, *shape)
    wanted = "sequences, (samples, tokens, features)" if kind == "transformer" else "images, (samples, height, width)"
    raise FaninValueError(f"a {kind} takes {wanted}. Received: samples of shape {shape}. Choose another --network.")


def weights_of(kind: Kind, sample: tuple[int, ...], depth: int, width: int, classes: int) -> list[Weight]:
    """Return the weights of a network, in the order in which its layers are numbered.

    Args:
        kind: The kind of network.
        sample: The shape of a sample, from `sample_shape`.
        depth: Hidden layers; of a residual network pairs of convolutions behind the first, of a transformer blocks.
        width: Units or channels.
        classes: Outputs.

    Example:
        >>> weights_of("cnn", (1, 8, 8), 2, 16, 10)
        [((16, 1, 3, 3), 'OIHW'), ((16, 16, 3, 3), 'OIHW'), ((10, 16), 'OI')]
    """
    head: Weight = ((classes, width), "OI")
    if kind == "mlp":
        ends = [*sample, *[width] * depth]
        return [*(((width, inputs), "OI") for inputs in ends[:-1]), head]
    if kind == "transformer":
        block = [(width, width)] * 4 + [(4 * width, width), (width, 4 * width)]
        return [((width, sample[-1]), "OI"), *((shape, "OI") for _ in range(depth) for shape in block), head]
    inner = depth - 1 if kind == "cnn" else 2 * depth
    kernel = (_KERNEL, _KERNEL)
    return [((width, sample[0], *kernel), "OIHW"), *[((width, width, *kernel), "OIHW")] * inner, head]


def wire(kind: Kind, sample: tuple[int, ...], count: int, inputs: Any, operations: Operations) -> Any:
    """Return the logits of a network for inputs of shape (samples, features).

    Args:
        kind: The kind of network.
        sample: The shape of a sample.
        count: How many layers there are.
        inputs: The inputs, an array of the framework.
        operations: Its operations.
    """
    hidden = inputs.reshape(-1, *sample)
    if kind == "mlp":
        for number in range(count - 1):
            hidden = operations.activate(number, operations.layer(number, hidden))
        return operations.layer(count - 1, hidden)
    if kind == "cnn":
        for number in range(count - 1):
            hidden = operations.activate(number, operations.layer(number, hidden))
        return operations.layer(count - 1, hidden.mean((2, 3)))
    if kind == "resnet":
        hidden = operations.layer(0, hidden)
        for number in range(1, count - 1, 2):
            inner = operations.layer(number, operations.activate(number - 1, hidden))
            hidden = hidden + operations.layer(number + 1, operations.activate(number, inner))
        return operations.layer(count - 1, operations.activate(count - 2, hidden).mean((2, 3)))
    hidden = operations.layer(0, hidden)
    hidden = hidden + operations.constant(positions(*hidden.shape[1:]), hidden)
    for number in range(1, count - 1, 6):
        hidden = hidden + _attention(number, operations.normalize(hidden), operations)
        inner = operations.activate(number + 4, operations.layer(number + 4, operations.normalize(hidden)))
        hidden = hidden + operations.layer(number + 5, inner)
    return operations.layer(count - 1, operations.normalize(hidden).mean(1))


def _attention(number: int, hidden: Any, operations: Operations) -> Any:
    """Return an attention of four heads where the width is a multiple of four, and of one otherwise."""
    samples, tokens, width = hidden.shape
    heads = _HEADS if width % _HEADS == 0 else 1

    def split(own: int) -> Any:
        return operations.layer(own, hidden).reshape(samples, tokens, heads, width // heads).swapaxes(1, 2)

    found = operations.attend(split(number), split(number + 1), split(number + 2))
    return operations.layer(number + 3, found.swapaxes(1, 2).reshape(samples, tokens, width))


def positions(tokens: int, width: int) -> NDArray[np.float64]:
    """Return the sines and cosines that mark a token's position (Vaswani et al. 2017, section 3.5).

    Example:
        >>> positions(2, 2).round(3).tolist()
        [[0.0, 1.0], [0.841, 0.54]]
    """
    pairs = np.arange(width) // 2
    angles = np.arange(tokens)[:, None] / 10000 ** (2 * pairs / width)
    return np.where(np.arange(width) % 2 == 0, np.sin(angles), np.cos(angles))
