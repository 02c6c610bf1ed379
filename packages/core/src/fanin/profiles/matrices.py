"""Matrix initializers as in other frameworks: one matrix for the whole kernel, whatever its groups."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from fanin._checks import whole_number
from fanin.exceptions import FaninValueError
from fanin.initializers.matrices import DeltaOrthogonal, Dirac, Orthogonal
from fanin.layout import Geometry

__all__ = ["UngroupedDeltaOrthogonal", "UngroupedDirac", "UngroupedOrthogonal"]


def _regroup(geometry: Geometry, groups: int, what: str) -> Geometry:
    """Return the geometry with other groups. The kernel is not transposed, so its logical order stays the same.

    Raises:
        FaninValueError: The kernel is transposed, or the groups do not divide its out-channels.
    """
    if geometry.transposed:
        raise FaninValueError(
            f"{what} takes the out-channels of a transposed kernel for its in-channels, which gives a different "
            f"matrix. Received: shape {geometry.shape} with layout {geometry.layout!r}, transposed=True. Use fanin's "
            f"own initializer."
        )
    if geometry.layout is not None and geometry.channels("O") % groups:
        raise FaninValueError(
            f"groups must divide the {geometry.channels('O')} out-channels of shape {geometry.shape}. Received: "
            f"groups={groups}. Use a divisor."
        )
    return dataclasses.replace(geometry, groups=groups)


@dataclass(frozen=True)
class UngroupedOrthogonal(Orthogonal):
    """`Orthogonal` for the matrix (out, in/groups * kernel): one matrix, where fanin makes one per group."""

    kind: ClassVar[str] = "ungrouped_orthogonal"

    def regrouped(self, geometry: Geometry) -> Geometry:
        """Return the tensor as one group.

        Raises:
            FaninValueError: The kernel is transposed.
        """
        return _regroup(geometry, 1, "the orthogonal of other frameworks")


@dataclass(frozen=True)
class UngroupedDeltaOrthogonal(DeltaOrthogonal):
    """`DeltaOrthogonal` that ignores groups, for kernels of odd sizes."""

    kind: ClassVar[str] = "ungrouped_delta_orthogonal"

    def regrouped(self, geometry: Geometry) -> Geometry:
        """Return the tensor as one group.

        Raises:
            FaninValueError: The kernel is transposed, or it has an even size, for which JAX's centre is another tap.
        """
        sizes = [size for size, letter in zip(geometry.shape, geometry.layout or "", strict=False) if letter in "DHW"]
        if any(size % 2 == 0 for size in sizes):
            raise FaninValueError(
                f"the centre of an even kernel is index k // 2 - 1 in JAX and k // 2 in fanin. Received: shape "
                f"{geometry.shape} with layout {geometry.layout!r}. Use fanin.delta_orthogonal(), or an odd kernel."
            )
        return _regroup(geometry, 1, "the delta_orthogonal of other frameworks")


@dataclass(frozen=True)
class UngroupedDirac(Dirac):
    """`Dirac` with its own number of groups, which need not be that of the convolution."""

    kind: ClassVar[str] = "ungrouped_dirac"
    groups: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "groups", whole_number(self.groups, "groups", 1))

    def regrouped(self, geometry: Geometry) -> Geometry:
        """Return the tensor with the initializer's own groups.

        Raises:
            FaninValueError: The kernel is transposed, or the groups do not divide its out-channels.
        """
        return _regroup(geometry, self.groups, "torch's dirac_")
