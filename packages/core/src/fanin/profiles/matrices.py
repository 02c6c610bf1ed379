"""The matrix laws as other frameworks have them: of the whole kernel, whatever its groups."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from fanin._checks import whole_number
from fanin.dtypes import DType
from fanin.exceptions import FaninValueError
from fanin.layout import Geometry
from fanin.matrices import DeltaOrthogonal, Dirac, Orthogonal
from fanin.rules import Diagonal, Haar

__all__ = ["UngroupedDeltaOrthogonal", "UngroupedDirac", "UngroupedOrthogonal"]


def _regroup(geometry: Geometry, groups: int, what: str) -> Geometry:
    """Return the geometry with other groups; the logical order of a kernel that is not transposed stays the same.

    Raises:
        FaninValueError: The kernel is transposed, or the groups do not divide its out-channels.
    """
    if geometry.transposed:
        raise FaninValueError(
            f"{what} takes a transposed kernel's out-channels for its in-channels, and makes another matrix of it. "
            f"Received: shape {geometry.shape} with layout {geometry.layout!r}, transposed=True. Use fanin's own."
        )
    if geometry.layout is not None and geometry.channels("O") % groups:
        raise FaninValueError(
            f"groups must divide the {geometry.channels('O')} out-channels of shape {geometry.shape}. Received: "
            f"groups={groups}. Use a divisor."
        )
    return dataclasses.replace(geometry, groups=groups)


@dataclass(frozen=True)
class UngroupedOrthogonal(Orthogonal):
    """`Orthogonal` of the matrix (out, in/groups * kernel): one matrix, where fanin makes one for each group."""

    kind: ClassVar[str] = "ungrouped_orthogonal"

    def rule(self, geometry: Geometry, dtype: DType) -> Haar:
        """Return the one matrix.

        Raises:
            FaninValueError: The kernel is transposed.
        """
        return super().rule(_regroup(geometry, 1, "orthogonal elsewhere"), dtype)


@dataclass(frozen=True)
class UngroupedDeltaOrthogonal(DeltaOrthogonal):
    """`DeltaOrthogonal` without regard to groups, for kernels of odd sizes."""

    kind: ClassVar[str] = "ungrouped_delta_orthogonal"

    def rule(self, geometry: Geometry, dtype: DType) -> Haar:
        """Return the one matrix, at the centre tap.

        Raises:
            FaninValueError: The kernel is transposed, or has an even size, whose centre in JAX is another tap.
        """
        sizes = [size for size, letter in zip(geometry.shape, geometry.layout or "", strict=False) if letter in "DHW"]
        if any(size % 2 == 0 for size in sizes):
            raise FaninValueError(
                f"JAX's centre of an even kernel is index k // 2 - 1, and fanin's k // 2. Received: shape "
                f"{geometry.shape} with layout {geometry.layout!r}. Use fanin.delta_orthogonal(), or an odd kernel."
            )
        return super().rule(_regroup(geometry, 1, "delta_orthogonal elsewhere"), dtype)


@dataclass(frozen=True)
class UngroupedDirac(Dirac):
    """`Dirac` with a number of groups of its own, which need not be the convolution's."""

    kind: ClassVar[str] = "ungrouped_dirac"
    groups: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "groups", whole_number(self.groups, "groups", 1))

    def rule(self, geometry: Geometry, dtype: DType) -> Diagonal:
        """Return 1 at the centre tap where row and column of a group agree.

        Raises:
            FaninValueError: The kernel is transposed, or the groups do not divide its out-channels.
        """
        return super().rule(_regroup(geometry, self.groups, "torch's dirac_"), dtype)
