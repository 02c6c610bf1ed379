"""Rules: how a backend computes each element of a tensor, as Python numbers (specification, sections 4 and 9).

`Fill`, `Draw` and `Diagonal` are elementwise: an element needs nothing but its place. `Masked` needs its column, and
`Haar` its matrix.
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

    With w the element's word: uniform, a = uniform_lattice(w); normal, a = normal_lattice(w); truncated_normal,
    a = clamp(normal_lattice(first_rank + ((w * ranks) >> 32)), low, high). The weight is
    RN(RN((a >> shift) + mean) * factor), in the compute format, then rounded to the dtype.

    Attributes:
        distribution: Which lattice.
        factor: `scale * 2^(shift - F)`, a normal number that the compute format holds exactly.
        mean: The mean on the lattice, an integer; the sum with any shifted lattice point is an int32, in float64 below
            2^52 in magnitude.
        shift: Arithmetic right shift of the lattice point, 0 to 31.
        first_rank: Truncated normal: the rank of word 0.
        ranks: Truncated normal: how many ranks the interval holds.
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
        """Whether the sum of a lattice point and the mean may leave int32, as it may in float64 alone."""
        bound = UNIFORM_BOUND if self.distribution == "uniform" else NORMAL_BOUND
        return largest_sum(self.mean, bound, self.shift) >= 1 << 31


@dataclass(frozen=True, slots=True)
class Diagonal:
    """`value` on the diagonal of each matrix, and 0 elsewhere: identity matrices, group by group.

    In logical order the tensor is (groups, rows, columns, taps), so the element of logical index L has the tap
    `L % taps`, the column `L // taps % columns` and the row `L // (taps * columns) % rows`. Where the tap is `tap` and
    the row equals the column, the weight is `value`.

    Attributes:
        value: A number that the compute format of the plan's dtype holds exactly.
        rows: Out-channels of a group.
        columns: In-channels of a group.
        taps: Positions of the convolution's kernel.
        tap: Which of them holds the matrix.
    """

    kind: ClassVar[str] = "diagonal"
    value: float
    rows: int
    columns: int
    taps: int = 1
    tap: int = 0


@dataclass(frozen=True, slots=True)
class Masked:
    """A draw in which each column has `zeros` elements that are 0.

    In logical order the tensor is (groups, rows, columns). The mask's stream has the key `threefry2x32(key, mask)`, and
    an element's mask word is the word of that stream at the element's logical index. In each column of each group, the
    `zeros` elements whose (mask word, row) are smallest are 0, and the others are those of the draw.

    Attributes:
        draw: How the other elements are computed.
        zeros: How many elements of a column are 0.
        rows: Out-channels of a group.
        columns: In-channels of a group.
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
    """Orthogonal matrices, uniformly distributed: the first rule that is not exact, but close.

    In logical order the tensor is (groups, rows, columns, taps). A group's matrix is `gain` times Q, of shape (rows,
    columns). With A the matrix of standard normal weights at the logical indices of a tensor (groups, rows, columns),
    in doubles, Q is the orthogonal factor of A, or its transpose that of A's transpose if A has more columns than rows,
    with the signs for which the triangular factor's diagonal is not negative. The taps other than `tap` are 0.

    Attributes:
        gain: A factor, in doubles.
        groups: How many matrices.
        rows: Rows of one.
        columns: Columns of one.
        taps: Positions of the convolution's kernel, if the matrix is at one of them.
        tap: Which of them holds the matrix.
    """

    kind: ClassVar[str] = "haar"
    gain: float
    groups: int
    rows: int
    columns: int
    taps: int = 1
    tap: int = 0


Rule: TypeAlias = Fill | Draw | Diagonal | Masked | Haar
"""How each element is computed. A backend declares which ones it draws; every backend draws `Fill` and `Draw`."""

RULES: Final = frozenset({Fill.kind, Draw.kind, Diagonal.kind, Masked.kind, Haar.kind})
"""The kinds of all rules."""


def largest_sum(mean: int, bound: int, shift: int) -> int:
    """Return |m| + ceil(bound / 2^shift), which the sum of the mean and a shifted lattice point does not exceed."""
    return abs(mean) - (-bound >> shift)
