"""Initializers of whole matrices, whose weights depend on their position or on each other (specification, section 9).

In logical order, a kernel is (groups, rows, columns, taps): the out-channels and in-channels of each group, and the
positions of the convolution kernel. Each group is a layer of its own, so it has its own matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fanin._checks import finite_number, positive_number
from fanin.exceptions import FaninValueError
from fanin.initializers.base import Initializer, MatrixInitializer

__all__ = ["DeltaOrthogonal", "Dirac", "Identity", "Orthogonal", "Sparse"]


def _set_gain(initializer: Initializer, value: object) -> None:
    gain = finite_number(value, "gain")
    if gain <= 0:
        raise FaninValueError(f"gain must be above 0. Received: {gain}. For weights that are all 0, use fanin.zeros().")
    object.__setattr__(initializer, "gain", gain)


@dataclass(frozen=True)
class Identity(MatrixInitializer):
    """`gain` times the identity matrix, in each group: with gain 1, the first inputs pass through unchanged."""

    kind: ClassVar[str] = "identity"
    is_random: ClassVar[bool] = False
    gain: float = 1.0

    def __post_init__(self) -> None:
        _set_gain(self, self.gain)


@dataclass(frozen=True)
class Dirac(MatrixInitializer):
    """`gain` times the convolution kernel that passes the first channels of each group through unchanged."""

    kind: ClassVar[str] = "dirac"
    is_random: ClassVar[bool] = False
    gain: float = 1.0

    def __post_init__(self) -> None:
        _set_gain(self, self.gain)


@dataclass(frozen=True)
class Sparse(MatrixInitializer):
    """Weights N(0, std^2), except that a given share of each column (the weights of one input) is exactly 0."""

    kind: ClassVar[str] = "sparse"
    sparsity: float
    std: float = 0.01

    def __post_init__(self) -> None:
        sparsity = finite_number(self.sparsity, "sparsity")
        if not 0 <= sparsity <= 1:
            raise FaninValueError(
                f"sparsity, the share of zeros in each column, must be in [0, 1]. Received: {sparsity}. For 90 % "
                f"zeros, use 0.9."
            )
        object.__setattr__(self, "sparsity", sparsity)
        object.__setattr__(self, "std", positive_number(self.std, "std"))


@dataclass(frozen=True)
class Orthogonal(MatrixInitializer):
    """`gain` times a uniformly distributed orthogonal matrix, one per group; the kernel's taps count as columns."""

    kind: ClassVar[str] = "orthogonal"
    gain: float = 1.0

    def __post_init__(self) -> None:
        _set_gain(self, self.gain)


@dataclass(frozen=True)
class DeltaOrthogonal(MatrixInitializer):
    """A convolution kernel whose centre tap is `gain` times a uniformly distributed orthogonal matrix, one per group.

    Each group must have at least as many out-channels as in-channels.
    """

    kind: ClassVar[str] = "delta_orthogonal"
    gain: float = 1.0

    def __post_init__(self) -> None:
        _set_gain(self, self.gain)
