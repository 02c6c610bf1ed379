"""One pass over a tensor: everything that an audit keeps of it, in memory that does not grow with its size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from fanin.auditing.hashing import Hashes, words_of
from fanin.auditing.units import Unit, owners, units_of
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninError
from fanin.models.parameter import OTHER_DTYPES, Parameter, Region
from fanin.weights import Tensor, float32_of
from fanin.weights.tensor import whole_of

__all__ = ["Reading", "is_wider", "numbers_of", "read"]

Drawn: TypeAlias = Callable[[Parameter, str, str, Region], npt.NDArray[Any]]
"""Returns the bits that a region of a parameter has with the seed, in a dtype."""

Scan: TypeAlias = Callable[..., Any]
"""`fanin.auditing.compiled.scan`."""

PIECE: Final = 1 << 18
"""Elements that are read at once: as doubles they fit a processor's second-level cache."""

SCANNED: Final = ("float32", "bfloat16", "float16")
"""What the compiled pass reads."""

SIGNS: Final = 128
"""Weights whose signs tell whether two tensors were drawn from the same random numbers, whatever their scale."""

_STEPS: Final = 9
"""Steps that all go one way: ten random weights are in order with a probability of one in two millions."""


@dataclass
class Reading:
    """What is kept of a tensor.

    Attributes:
        tensor: The tensor.
        name: Its name.
        own: What the scheme calls it.
        parameter: What a scheme says of it.
        units: Its regions, each with its law.
        hashes: Of its rows and columns, where all of it can be read.
        first: Its first weights, flat.
        head: Those from the first row on that is not all zeros; nothing where all rows are.
        zero_run: The longest run of zeros in the order of memory: its start, and its length.
        is_number: Whether its elements are real numbers.
        constant_rows: Which rows hold one number.
        moved: How many elements differ from those of the seed; None where none are drawn.
        drawn_as: The dtype in which the weights of the seed are drawn: the scheme's, where they are stored in a wider
            one. Empty until one is drawn.
        steps: By how many steps of the less precise dtype an element is off from the seed's, at most.
        slices: Of each slice of a stack how many elements differ from those of the seed, the squares of the
            differences, and those of the weights of the seed.
    """

    tensor: Tensor
    name: str
    own: str
    parameter: Parameter | None
    units: list[Unit]
    hashes: Hashes | None
    is_number: bool
    first: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    head: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    zero_run: tuple[int, int] = (0, 0)
    constant_rows: npt.NDArray[np.bool_] | None = None
    moved: int | None = None
    drawn_as: str = ""
    steps: float = 0.0
    slices: npt.NDArray[np.float64] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape."""
        return self.tensor.shape

    @property
    def columns(self) -> int:
        """Number of elements of a row."""
        return math.prod(self.shape[1:])

    @property
    def is_random(self) -> bool:
        """Whether a scheme has every weight of it drawn on its own."""
        return self.is_number and all(unit.is_random for unit in self.units)

    @property
    def is_constant(self) -> bool:
        """Whether it is one number."""
        lows = {unit.summary.low for unit in self.units}
        return self.is_number and len(lows) == 1 and all(unit.summary.is_constant for unit in self.units)

    def is_ordered(self, fewest: int = _STEPS) -> bool:
        """Return whether the first weights rise or fall, as those of a table do: so many steps at least.

        Rows of zeros before them tell nothing: a table has other rows, and random weights may have lost theirs.
        """
        count = min(self.columns if len(self.shape) > 1 else self.tensor.size, 64)
        steps = np.diff((self.head if self.head.size else self.first)[:count])
        return steps.size >= fewest and bool((steps >= 0).all() or (steps <= 0).all())

    @property
    def bits(self) -> int:
        """Bits of information of one weight of a continuous law, at least."""
        form = DTYPES.get(self.tensor.dtype)
        return max(1, form.mantissa - 1) if form is not None else 0


def read(
    tensor: Tensor,
    own: str,
    parameter: Parameter | None,
    drawn: Drawn | None,
    advance: Callable[[str, int], None],
    scan: Scan | None = None,
) -> Reading:
    """Read a tensor by pieces.

    Args:
        tensor: The tensor.
        own: What the scheme calls it.
        parameter: What a scheme says of it; None without one.
        drawn: Draws the weights of the seed; None without one.
        advance: Is told the name, and how many elements were read.
        scan: The compiled pass, or None.
    """
    name, dtype = tensor.name, tensor.dtype
    is_number = dtype in DTYPES or (dtype in OTHER_DTYPES and not dtype.startswith("complex"))
    hashable = tensor.is_whole and tensor.size > 0
    rows = tensor.shape[0] if tensor.shape else 1
    columns = tensor.size // rows if rows else 0
    units = units_of(name, own, tensor.shape, dtype, parameter, seeded=drawn is not None) if is_number else []
    found = Reading(tensor, name, own, parameter, units, Hashes(rows, columns) if hashable else None, is_number)
    if hashable:
        found.constant_rows = np.ones(rows, np.bool_)
    if drawn is not None and parameter is not None and parameter.follows_laws and is_number:
        found.moved = 0
        axis = parameter.geometry.stack_axis
        found.slices = None if axis is None else np.zeros((3, tensor.shape[axis]))
    runs = _Runs()
    starts = np.empty(rows if hashable else 0)
    can_scan = scan is not None and hashable and found.moved is None and len(units) == 1 and dtype in SCANNED
    for region in tensor.pieces(PIECE):
        bits = tensor.read(region)
        flat = _place(region, tensor.shape)
        if scan is not None and can_scan and units[0].region == whole_of(tensor.shape):
            _scanned(found, bits, flat, starts, runs, scan)
        else:
            _counted(found, bits, region, flat, starts, runs, drawn)
        if is_number and found.first.size < SIGNS:
            values = numbers_of(bits.reshape(-1)[: SIGNS - found.first.size], dtype)
            found.first = np.concatenate([found.first, values])
        if is_number and found.head.size < SIGNS:
            values = _head(bits.reshape(-1), dtype, flat, found)
            found.head = np.concatenate([found.head, values])
        advance(name, bits.size)
    found.zero_run = runs.longest
    return found


def _head(bits: npt.NDArray[Any], dtype: str, flat: int, found: Reading) -> npt.NDArray[np.float64]:
    """Return what a piece adds to `Reading.head`.

    Args:
        bits: The piece, flat.
        dtype: Its dtype.
        flat: The place of its first element in the order of memory.
        found: The tensor.
    """
    columns = found.columns if len(found.shape) > 1 else found.tensor.size
    wanted = SIGNS - found.head.size
    start = 0
    if not found.head.size and not numbers_of(bits[: min(columns - flat % columns, SIGNS)], dtype).any():
        used = np.flatnonzero(numbers_of(bits, dtype))
        if not used.size:
            return np.empty(0)
        start = max((flat + int(used[0])) // columns * columns - flat, 0)
    return numbers_of(bits[start : start + wanted], dtype)


def _counted(
    found: Reading,
    bits: npt.NDArray[Any],
    region: Region,
    flat: int,
    starts: npt.NDArray[np.float64],
    runs: _Runs,
    drawn: Drawn | None,
) -> None:
    """Add a piece, by NumPy.

    Args:
        found: The tensor.
        bits: The piece.
        region: Where it is.
        flat: The place of its first element in the order of memory.
        starts: The first number of each row.
        runs: The runs of zeros.
        drawn: Draws the weights of the seed.
    """
    columns = found.columns if found.shape else 1
    if found.hashes is not None:
        for part, row, column in _rectangles(words_of(bits).reshape(-1), flat, columns):
            found.hashes.add(part, min(8 * bits.itemsize, 64), row, column)  # a complex128 has 128 bits, in one word
    if not found.is_number:
        return
    values = numbers_of(bits, found.tensor.dtype)
    _add(found, values, bits, region, drawn)
    if found.hashes is not None:
        runs.add(values.reshape(-1), flat)
        _constant_rows(found, values.reshape(-1), flat, columns, starts)


def _scanned(
    found: Reading, bits: npt.NDArray[Any], flat: int, starts: npt.NDArray[np.float64], runs: _Runs, scan: Scan
) -> None:
    """Add a piece of a tensor that is one unit, by the compiled pass; the arguments are those of `_counted`."""
    assert found.hashes is not None
    assert found.constant_rows is not None
    summary = found.units[0].summary
    bits = np.ascontiguousarray(bits).reshape(-1)  # at any address, as in a file
    places = list(_places(bits.size, flat, found.columns if found.shape else 1))
    scanned, ends = scan(bits, found.tensor.dtype, summary.centre, found.hashes, places)
    if not summary.add_scanned(lambda some: numbers_of(bits[some], found.tensor.dtype), scanned):
        numbers = numbers_of(bits, found.tensor.dtype)
        summary.add(numbers)
        _constant_rows(found, numbers, flat, found.columns if found.shape else 1, starts)
    else:
        for (_, rows, columns), (low, high) in zip(places, ends, strict=True):
            if not columns.start:
                starts[rows] = low
            found.constant_rows[rows] &= (low == high) & (low == starts[rows])
    if scanned.zeros:
        runs.add(numbers_of(bits, found.tensor.dtype), flat)


def _add(
    found: Reading, values: npt.NDArray[np.float64], bits: npt.NDArray[Any], region: Region, drawn: Drawn | None
) -> None:
    """Add a piece to the units, and compare it with what the seed draws."""
    wanted: npt.NDArray[np.float64] | None = None
    if found.moved is not None and drawn is not None and found.parameter is not None:
        try:
            found.drawn_as = found.drawn_as or _drawn_as(found, found.parameter, values, region, drawn)
            right = drawn(found.parameter, found.own, found.drawn_as, region)
            wanted = numbers_of(right, found.drawn_as).reshape(bits.shape)
            if found.drawn_as == found.tensor.dtype:
                found.moved += int((words_of(right) != words_of(bits)).sum())
            else:
                found.moved += int((wanted != values).sum())
            found.steps = max(found.steps, _steps(found.tensor.dtype, found.parameter.dtype, values, wanted))
            _add_slices(found, found.parameter, values, wanted, region)
        except FaninError:  # the law cannot be drawn in this dtype
            found.moved = None
    for unit, index in owners(found.units, region):
        unit.summary.add(values[index].reshape(-1))
        if wanted is not None and unit.departure is not None:
            unit.departure.add(values[index].reshape(-1), wanted[index].reshape(-1))


def _steps(stored: str, dtype: str, values: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]) -> float:
    """Return how far numbers are apart, in steps of the dtype that they came through."""
    form = DTYPES.get(dtype if is_wider(stored, dtype) else stored)
    unequal = values != wanted
    if form is None or not unequal.any():
        return 0.0
    given, right = values[unequal], wanted[unequal]
    exponents = np.maximum(np.frexp(right)[1] - 1, form.min_exponent)
    with np.errstate(all="ignore"):
        far = float(np.max(np.ldexp(np.abs(given - right), form.mantissa - exponents)))
    return far if math.isfinite(far) else math.inf


def _add_slices(
    found: Reading,
    parameter: Parameter,
    values: npt.NDArray[np.float64],
    wanted: npt.NDArray[np.float64],
    region: Region,
) -> None:
    """Add what each slice of a stack differs by."""
    axis = parameter.geometry.stack_axis
    if axis is None or found.slices is None:
        return
    others = tuple(one for one in range(values.ndim) if one != axis)
    with np.errstate(all="ignore"):
        sums = [(values != wanted).sum(others), ((values - wanted) ** 2).sum(others), (wanted**2).sum(others)]
    found.slices[:, slice(*region[axis])] += np.array(sums, np.float64)


def _drawn_as(
    found: Reading, parameter: Parameter, values: npt.NDArray[np.float64], region: Region, drawn: Drawn
) -> str:
    """Return the dtype in which the weights were drawn, if they are the seed's: they may be stored in a wider one."""
    stored = found.tensor.dtype
    if not is_wider(stored, parameter.dtype):
        return stored
    right = numbers_of(drawn(parameter, found.own, parameter.dtype, region), parameter.dtype)
    return parameter.dtype if (right.reshape(values.shape) == values).all() else stored


def is_wider(dtype: str, than: str) -> bool:
    """Return whether a dtype holds every number of another one, and more."""
    if dtype not in DTYPES or than not in DTYPES:
        return False
    wide, narrow = DTYPES[dtype], DTYPES[than]
    return wide.bits > narrow.bits and wide.mantissa >= narrow.mantissa


def numbers_of(bits: npt.NDArray[Any], dtype: str) -> npt.NDArray[np.float64]:
    """Return what `Tensor.read` returned as doubles."""
    with np.errstate(invalid="ignore"):  # memory that nothing was written to has NaN of all kinds
        return float32_of(bits, dtype).astype(np.float64).reshape(bits.shape)


def _constant_rows(
    found: Reading, values: npt.NDArray[np.float64], flat: int, columns: int, starts: npt.NDArray[np.float64]
) -> None:
    assert found.constant_rows is not None
    for part, row, column in _rectangles(values, flat, columns):
        rows = slice(row, row + part.shape[0])
        if not column:
            starts[rows] = part[:, 0]
        found.constant_rows[rows] &= (part == starts[rows, None]).all(1)


def _place(region: Region, shape: tuple[int, ...]) -> int:
    """Return the place, in the order of memory, of the first element of a piece."""
    place = 0
    for (start, _), size in zip(region, shape, strict=True):
        place = place * size + start
    return place


def _rectangles(flat: npt.NDArray[Any], place: int, columns: int) -> Iterator[tuple[npt.NDArray[Any], int, int]]:
    """Yield consecutive elements as rectangles of rows, with the first row and column of each."""
    for within, rows, across in _places(flat.size, place, columns):
        yield flat[within].reshape(rows.stop - rows.start, -1), rows.start, across.start


def _places(size: int, place: int, columns: int) -> Iterator[tuple[slice, slice, slice]]:
    """Yield where the rectangles are that consecutive elements consist of: among them, and in rows and columns.

    Args:
        size: How many elements.
        place: The place of the first one, in the order of memory.
        columns: How many a row has.
    """
    start = 0
    while start < size:
        row, column = divmod(place + start, columns)
        whole = (size - start) // columns if not column else 0
        count = whole * columns if whole else min(columns - column, size - start)
        end = columns if whole else column + count
        yield slice(start, start + count), slice(row, row + max(whole, 1)), slice(column, end)
        start += count


class _Runs:
    """The longest run of zeros in elements that come in the order of memory."""

    def __init__(self) -> None:
        self.longest = (0, 0)
        self._open = (0, 0)

    def add(self, values: npt.NDArray[np.float64], place: int) -> None:
        """Add consecutive elements, of which the first one is at a place."""
        edges = np.flatnonzero(np.diff(np.concatenate([[False], values == 0, [False]]).astype(np.int8)))
        begins, ends = edges[::2] + place, edges[1::2] + place
        if not begins.size:
            return
        lengths = ends - begins
        opened = self._open
        if begins[0] == opened[0] + opened[1] and opened[1]:
            self._keep((opened[0], opened[1] + int(lengths[0])))
        k = int(lengths.argmax())
        self._keep((int(begins[k]), int(lengths[k])))
        last = (int(begins[-1]), int(lengths[-1]))
        joined = begins.size == 1 and opened[1] and begins[0] == opened[0] + opened[1]
        self._open = (opened[0], opened[1] + last[1]) if joined else last

    def _keep(self, run: tuple[int, int]) -> None:
        if run[1] > self.longest[1]:
            self.longest = run
