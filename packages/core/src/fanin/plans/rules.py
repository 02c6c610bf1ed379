"""Rules: how a backend computes each element of a tensor, as Python numbers (specification, sections 4 and 9).

`Fill`, `Draw` and `Diagonal` are elementwise: an element depends only on its position. With `Masked` it depends on its
column, and with `Haar` on its matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal, TypeAlias

from fanin.stream.lattice import NORMAL_BOUND, UNIFORM_BOUND
from fanin.stream.threefry import Words

__all__ = ["RULES", "Diagonal", "Draw", "Fill", "Haar", "Masked", "Rule", "largest_sum"]


@dataclass(frozen=True, slots=True)
class Fill:
    """Every element is `value`, which the compute format of the plan's dtype holds exactly."""

    kind: ClassVar[str] = "fill"
    value: float

    def __eq__(self, other: object) -> bool:
        """Compare the bits: 0.0 and -0.0 are different weights."""
        return isinstance(other, Fill) and self.value.hex() == other.value.hex()


@dataclass(frozen=True, slots=True)
class Draw:
    """Each element is a lattice point times a factor.

    The lattice point a of an element with word w is:

    - uniform: `uniform_lattice(w)`;
    - normal: `normal_lattice(w)`;
    - truncated_normal: `clamp(normal_lattice(first_rank + ((w * ranks) >> 32)), low, high)`.

    The weight is RN(RN((a >> shift) + mean) * factor) in the compute format, then rounded to the dtype.

    Attributes:
        distribution: The distribution, which selects the lattice.
        factor: `scale * 2^(shift - F)`, a normal number that the compute format holds exactly.
        mean: The mean on the lattice, an integer. Its sum with any shifted lattice point is an int32; in float64 it is
            below 2^52 in magnitude.
        shift: Arithmetic right shift of the lattice point, 0 to 31.
        first_rank: Truncated normal: the rank of word 0.
        ranks: Truncated normal: the number of ranks in the interval.
        low: Truncated normal: the smallest lattice point.
        high: Truncated normal: the largest lattice point.
    """

    kind: ClassVar[str] = "draw"
    distribution: Literal["uniform", "normal", "truncated_normal"]
    factor: float
    mean: int = 0
    shift: int = 0
    first_rank: int = 0
    ranks: int = 1 << 32
    low: int = -NORMAL_BOUND
    high: int = NORMAL_BOUND

    @property
    def is_wide(self) -> bool:
        """Whether the sum of a lattice point and the mean may not fit in int32, which can happen only in float64."""
        bound = UNIFORM_BOUND if self.distribution == "uniform" else NORMAL_BOUND
        return largest_sum(self.mean, bound, self.shift) >= 1 << 31


@dataclass(frozen=True, slots=True)
class Diagonal:
    """`value` on the diagonal of each matrix, and 0 elsewhere: identity matrices, group by group.

    In logical order the tensor is (groups, rows, columns, taps). So the element at logical index L has the tap
    `L % taps`, the column `L // taps % columns` and the row `L // (taps * columns) % rows`. Where the tap is `tap` and
    the row equals the column, the weight is `value`.

    Attributes:
        value: A number that the compute format of the plan's dtype holds exactly.
        rows: Number of out-channels of a group.
        columns: Number of in-channels of a group.
        taps: Number of positions of the convolution kernel.
        tap: The tap that holds the matrix.
    """

    kind: ClassVar[str] = "diagonal"
    value: float
    rows: int
    columns: int
    taps: int = 1
    tap: int = 0


@dataclass(frozen=True, slots=True)
class Masked:
    """A draw in which `zeros` elements of each column are 0.

    In logical order the tensor is (groups, rows, columns). The mask's stream has the key `threefry2x32(key, mask)`, and
    an element's mask word is the word of that stream at the element's logical index. In each column of each group, the
    `zeros` elements with the smallest (mask word, row) are 0, and the others are those of the draw.

    Attributes:
        draw: How the other elements are computed.
        zeros: Number of elements of each column that are 0.
        rows: Number of out-channels of a group.
        columns: Number of in-channels of a group.
        mask: The counter that selects the mask's stream.
    """

    kind: ClassVar[str] = "masked"
    draw: Draw
    zeros: int
    rows: int
    columns: int
    mask: Words


@dataclass(frozen=True, slots=True)
class Haar:
    """Uniformly distributed orthogonal matrices. The level of this rule is close, not exact.

    In logical order the tensor is (groups, rows, columns, taps). A group's matrix is `gain` times Q, of shape (rows,
    columns). Let A be the group's matrix of standard normal weights, in doubles, at the logical indices of a tensor
    (groups, rows, columns). Q is the orthogonal factor of A. If A has more columns than rows, Q is the transpose of the
    orthogonal factor of A's transpose. The signs are such that no diagonal element of the triangular factor is
    negative. All taps other than `tap` are 0.

    Attributes:
        gain: A factor, in doubles.
        groups: Number of matrices.
        rows: Number of rows of each matrix.
        columns: Number of columns of each matrix.
        taps: Number of positions of the convolution kernel, if the matrix is at one of them; otherwise 1.
        tap: The tap that holds the matrix.
    """

    kind: ClassVar[str] = "haar"
    gain: float
    groups: int
    rows: int
    columns: int
    taps: int = 1
    tap: int = 0


Rule: TypeAlias = Fill | Draw | Diagonal | Masked | Haar
"""How each element is computed. A backend declares which rules it can draw; `Fill` and `Draw` are required."""

RULES: Final = frozenset({Fill.kind, Draw.kind, Diagonal.kind, Masked.kind, Haar.kind})
"""The kinds of all rules."""


def largest_sum(mean: int, bound: int, shift: int) -> int:
    """Return |mean| + ceil(bound / 2^shift), a bound on |mean + shifted lattice point|."""
    return abs(mean) - (-bound >> shift)
