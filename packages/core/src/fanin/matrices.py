"""Initializers of whole matrices, whose weights depend on their place or on each other (specification, section 9).

In its logical order a kernel is (groups, rows, columns, taps): the out- and in-channels of a group, and the positions
of a convolution's kernel. Each group is a layer of its own, so each has a matrix of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final, NoReturn, cast

from fanin._checks import finite_number
from fanin.dtypes import DTYPES, DType
from fanin.exceptions import FaninValueError
from fanin.initializers import Constant, Initializer, Normal
from fanin.keys import label_words
from fanin.lattice import NORMAL_BITS
from fanin.layout import Fans, Geometry, layout_choices
from fanin.rules import Diagonal, Draw, Fill, Haar, Masked, Rule, check_scale, rule_of

__all__ = ["DeltaOrthogonal", "Dirac", "Identity", "MatrixInitializer", "Orthogonal", "Sparse"]

_SPATIAL: Final = "DHW"
_MASK: Final = "mask"


@dataclass(frozen=True, slots=True)
class _Kernel:
    """A kernel in logical order: how many groups, the matrix of one, and the sizes of its spatial axes."""

    groups: int
    rows: int
    columns: int
    spatial: tuple[int, ...]

    @classmethod
    def of(cls, geometry: Geometry, kind: str) -> _Kernel:
        """Return the kernel of a tensor.

        Raises:
            FaninValueError: The layout is not stated, has no out- or no in-axis, or a group begins within an axis.
        """
        layout = geometry.layout
        if layout is None or not {"O", "I"} <= set(layout):
            raise FaninValueError(
                f"{kind} needs to know which axes are out and which are in, at least one of each, which is not guessed "
                f"from shape {geometry.shape}. Received: layout {layout!r}. State the layout, for example "
                f"{layout_choices(max(2, len(geometry.shape)))}."
            )
        if geometry.transposed and 0 not in geometry.shape:
            geometry.check_groups_split()
        outputs, inputs, groups = geometry.channels("O"), geometry.channels("I"), geometry.groups
        rows, columns = (outputs, inputs // groups) if geometry.transposed else (outputs // groups, inputs)
        return cls(groups, rows, columns, tuple(geometry.channels(letter) for letter in _SPATIAL if letter in layout))

    @property
    def taps(self) -> int:
        return math.prod(self.spatial)

    @property
    def centre(self) -> int:
        """The flat position of the tap at index size // 2 of each spatial axis."""
        place = 0
        for size in self.spatial:
            place = place * size + size // 2
        return place

    def refuse_spatial(self, kind: str, instead: str) -> None:
        if self.spatial:
            raise FaninValueError(
                f"{kind} makes a matrix, and this tensor has spatial axes, of sizes {self.spatial}. {instead}"
            )


class MatrixInitializer(Initializer):
    """Base of the initializers that need to know which axes are out and which are in."""

    def rule(self, geometry: Geometry, dtype: DType) -> Rule:
        """Return how the elements of a tensor are computed.

        Raises:
            FaninValueError: The tensor has not the axes, or the dtype not the range, that the initializer needs.
        """
        raise NotImplementedError

    def law(self, fans: Fans | None) -> NoReturn:
        """Refuse: the weights are not drawn one by one from a law.

        Raises:
            FaninValueError: Always.
        """
        raise FaninValueError(
            f"{self} is a law of whole matrices and not of single weights. Use fanin.plan(...).rule, which says how "
            f"they are computed."
        )


def _set_gain(initializer: Initializer, value: object) -> None:
    gain = finite_number(value, "gain")
    if gain <= 0:
        raise FaninValueError(f"gain must be above 0. Received: {gain}. For weights that are all 0 use fanin.zeros().")
    object.__setattr__(initializer, "gain", gain)


@dataclass(frozen=True)
class Identity(MatrixInitializer):
    """`gain` times the identity matrix (of each group): the first inputs are passed on unchanged."""

    kind: ClassVar[str] = "identity"
    is_random: ClassVar[bool] = False
    gain: float = 1.0

    def __post_init__(self) -> None:
        _set_gain(self, self.gain)

    def rule(self, geometry: Geometry, dtype: DType) -> Diagonal:
        """Return `gain` where row and column agree."""
        kernel = _Kernel.of(geometry, self.kind)
        kernel.refuse_spatial(self.kind, "For a convolution use fanin.dirac().")
        return _diagonal(self.gain, kernel, dtype)


@dataclass(frozen=True)
class Dirac(MatrixInitializer):
    """`gain` times the convolution kernel (of each group) that passes its first channels on unchanged."""

    kind: ClassVar[str] = "dirac"
    is_random: ClassVar[bool] = False
    gain: float = 1.0

    def __post_init__(self) -> None:
        _set_gain(self, self.gain)

    def rule(self, geometry: Geometry, dtype: DType) -> Diagonal:
        """Return `gain` at the centre tap where row and column agree."""
        return _diagonal(self.gain, _Kernel.of(geometry, self.kind), dtype)


def _diagonal(gain: float, kernel: _Kernel, dtype: DType) -> Diagonal:
    value = cast(Fill, rule_of(Constant(gain), dtype)).value
    return Diagonal(value, kernel.rows, kernel.columns, kernel.taps, kernel.centre)


@dataclass(frozen=True)
class Sparse(MatrixInitializer):
    """Weights N(0, std^2), of which each column (the weights of one input) has a share of exact zeros."""

    kind: ClassVar[str] = "sparse"
    sparsity: float
    std: float = 0.01

    def __post_init__(self) -> None:
        sparsity = finite_number(self.sparsity, "sparsity")
        if not 0 <= sparsity <= 1:
            raise FaninValueError(
                f"sparsity must be in [0, 1], the share of each column that is 0. Received: {sparsity}. For 90 % zeros "
                f"use 0.9."
            )
        object.__setattr__(self, "sparsity", sparsity)
        object.__setattr__(self, "std", Normal(0.0, self.std).std)

    def rule(self, geometry: Geometry, dtype: DType) -> Masked:
        """Return the normal draw, with ceil(sparsity * rows) zeros a column."""
        kernel = _Kernel.of(geometry, self.kind)
        kernel.refuse_spatial(self.kind, "Draw the matrix of a dense layer.")
        draw = cast(Draw, rule_of(Normal(0.0, self.std), dtype))
        return Masked(draw, math.ceil(self.sparsity * kernel.rows), kernel.rows, kernel.columns, label_words(_MASK))


@dataclass(frozen=True)
class Orthogonal(MatrixInitializer):
    """`gain` times a uniformly distributed orthogonal matrix (of each group), the kernel's taps among its columns."""

    kind: ClassVar[str] = "orthogonal"
    gain: float = 1.0

    def __post_init__(self) -> None:
        _set_gain(self, self.gain)

    def rule(self, geometry: Geometry, dtype: DType) -> Haar:
        """Return the matrix (rows, columns * taps) of each group."""
        kernel = _Kernel.of(geometry, self.kind)
        _check_gain(self, self.gain, dtype)
        return Haar(self.gain, kernel.groups, kernel.rows, kernel.columns * kernel.taps)


@dataclass(frozen=True)
class DeltaOrthogonal(MatrixInitializer):
    """A convolution kernel whose centre tap is `gain` times a uniformly distributed orthogonal matrix (a group)."""

    kind: ClassVar[str] = "delta_orthogonal"
    gain: float = 1.0

    def __post_init__(self) -> None:
        _set_gain(self, self.gain)

    def rule(self, geometry: Geometry, dtype: DType) -> Haar:
        """Return the matrix (rows, columns) of each group, at the centre tap.

        Raises:
            FaninValueError: A group has more in-channels than out-channels.
        """
        kernel = _Kernel.of(geometry, self.kind)
        if kernel.rows < kernel.columns and 0 not in geometry.shape:
            raise FaninValueError(
                f"delta_orthogonal keeps the norm of its input, so a group needs at least as many out- as in-channels. "
                f"Received: {kernel.rows} out and {kernel.columns} in, from shape {geometry.shape} with layout "
                f"{geometry.layout!r}. Use fanin.orthogonal()."
            )
        _check_gain(self, self.gain, dtype)
        return Haar(self.gain, kernel.groups, kernel.rows, kernel.columns, kernel.taps, kernel.centre)


def _check_gain(initializer: Initializer, gain: float, dtype: DType) -> None:
    compute = DTYPES[dtype.compute]
    check_scale(initializer, math.ldexp(compute.round(gain), -NORMAL_BITS), NORMAL_BITS, compute)
    if math.isinf(dtype.round(compute.round(gain))):
        raise FaninValueError(
            f"{initializer} has weights up to {gain:.4g}, beyond the largest {dtype.name}, {dtype.largest:.6g}. Use a "
            f"smaller gain or a wider dtype."
        )
