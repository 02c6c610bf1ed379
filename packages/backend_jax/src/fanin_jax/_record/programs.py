"""What fills each array that a function returns, and whether that is a law where arrays share random numbers."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace

import jax.numpy as jnp
import numpy as np

from fanin.dtypes import DTYPES
from fanin.initializers import Constant, Initializer, MatrixInitializer
from fanin.layout import Geometry
from fanin_jax._record.fold import Fold
from fanin_jax._record.laws import Law, settled
from fanin_jax._record.ref import Ref
from fanin_jax._record.trace import Leaf
from fanin_jax._record.values import Even, Filled, Region, Unfolded

__all__ = ["Draw", "Program", "keep_apart", "program_of"]


@dataclass(frozen=True, slots=True)
class Draw:
    """A box of an array that follows one random law.

    Attributes:
        region: The box.
        initializer: The law.
        slices: What identifies the slices of the source that it has: one, or one for each position of `axis`.
        keys: The key of each.
        axis: The axis of the array that the slices are stacked along, or None.
        within: Which numbers of its slice each has.
        whole: Whether they are all numbers of the slice, in C order.
    """

    region: Region
    initializer: Initializer
    slices: tuple[object, ...]
    keys: tuple[int, ...]
    axis: int | None
    within: Ref
    whole: bool


@dataclass
class Program:
    """What an array that a function returns is filled by.

    Attributes:
        leaf: The array.
        number: The number of its value on the tape.
        geometry: What its axes are, where that is known.
        constant: The number that what no draw has is filled with, or None.
        draws: The random laws and where they are; the first has all, or else they are boxes.
        fills: Boxes of one number, each with the count of draws that come before it.
        folds: Whether it follows laws.
        is_random: Whether it has random numbers.
    """

    leaf: Leaf
    number: int
    geometry: Geometry | None
    constant: float | None = None
    draws: list[Draw] = field(default_factory=list)
    fills: list[tuple[int, Region, float]] = field(default_factory=list)
    folds: bool = False
    is_random: bool = False

    @property
    def base(self) -> Draw | None:
        """The law of the whole array, or None."""
        whole = tuple((0, size) for size in self.leaf.shape)
        return self.draws[0] if self.draws and self.draws[0].region == whole else None


def program_of(leaf: Leaf, number: int, geometry: Geometry | None, fold: Fold) -> Program:
    """Return what an array is filled by."""
    program = Program(leaf, number, geometry)
    value = fold.values[number]
    program.is_random = isinstance(value, (Filled, Unfolded))
    if isinstance(value, Even):
        constant = float(value.number) if value.number.dtype.kind != "c" else math.nan
        floats = str(leaf.dtype) in DTYPES
        program.folds = math.isfinite(constant) and (floats or constant.is_integer()) and not leaf.is_key
        program.constant = constant
        return program
    if not isinstance(value, Filled) or str(leaf.dtype) not in DTYPES:
        return program
    pieces = _as_stack(value, leaf.shape, fold) or value
    if isinstance(pieces, Draw):
        program.draws, program.folds = [pieces], True
        return program
    whole = tuple((0, size) for size in leaf.shape)
    if isinstance(pieces.base, float):
        program.constant = pieces.base
    boxes = ([(whole, pieces.base)] if isinstance(pieces.base, Law) else []) + list(pieces.regions)
    for region, law in boxes:
        if not isinstance(law, Law):
            program.fills.append((len(program.draws), region, law))
            continue
        draw = _draw(region, law, leaf, fold)
        if draw is None:
            program.draws = []
            return program
        program.draws.append(draw)
    program.folds = True
    return program


def _draw(region: Region, law: Law, leaf: Leaf, fold: Fold) -> Draw | None:
    """Return a box with its law and its place in the source; None where no stream gives it such numbers."""
    initializer, ref, source = law.initializer, law.ref, fold.sources[law.source]
    if initializer is None or isinstance(initializer, Constant) or not ref.is_injective or not ref.size:
        return None
    initializer = settled(initializer, np.dtype(leaf.dtype))
    first, last = ref.ends
    size, count = source.size, len(source.keys)
    if first // size == last // size:
        at = first // size
        within = replace(ref, offset=ref.offset - at * size)
        return _made(region, initializer, (at,), None, within, law.source, fold)
    for axis, (length, stride) in enumerate(zip(ref.shape, ref.strides, strict=True)):
        if stride == size and length == count:
            rest = Ref(
                ref.shape[:axis] + ref.shape[axis + 1 :], ref.strides[:axis] + ref.strides[axis + 1 :], ref.offset
            )
            low, high = rest.ends
            if low >= 0 and high < size and len(set(source.keys)) == count:
                return _made(region, initializer, tuple(range(count)), axis, rest, law.source, fold)
    return None


def _made(
    region: Region,
    initializer: Initializer,
    at: tuple[int, ...],
    axis: int | None,
    within: Ref,
    number: int,
    fold: Fold,
) -> Draw:
    source = fold.sources[number]
    whole = within.is_consecutive and within.offset == 0 and within.size == source.size
    slices, keys = tuple(source.slice(k) for k in at), tuple(source.keys[k] for k in at)
    return Draw(region, initializer, slices, keys, axis, within, whole)


def _as_stack(value: Filled, shape: tuple[int, ...], fold: Fold) -> Draw | None:
    """Return boxes that are the slices of a stack, all with one law and each with a key of its own, as one box."""
    if value.base is not None or len(value.regions) < 2:
        return None
    laws = [law for _, law in value.regions if isinstance(law, Law)]
    if len(laws) < len(value.regions) or len({law.drawn for law in laws}) > 1:
        return None
    for axis, size in enumerate(shape):
        wanted = [
            tuple((k, k + 1) if a == axis else (0, length) for a, length in enumerate(shape)) for k in range(size)
        ]
        if [region for region, _ in value.regions] != wanted or size < 2:
            continue
        draws = [
            _draw(region, law, Leaf((), shape, jnp.float32), fold)
            for region, law in value.regions
            if isinstance(law, Law)
        ]
        if any(draw is None or draw.axis is not None for draw in draws):
            return None
        found = [draw for draw in draws if draw is not None]
        within = {
            Ref(
                d.within.shape[:axis] + d.within.shape[axis + 1 :],
                d.within.strides[:axis] + d.within.strides[axis + 1 :],
                d.within.offset,
            )
            for d in found
        }
        slices = tuple(draw.slices[0] for draw in found)
        if len(within) > 1 or len(set(slices)) < len(slices):
            return None
        whole = tuple((0, length) for length in shape)
        keys = tuple(draw.keys[0] for draw in found)
        return Draw(whole, found[0].initializer, slices, keys, axis, within.pop(), found[0].whole)
    return None


def keep_apart(programs: list[Program], fold: Fold) -> None:
    """Let arrays that share random numbers be laws only where a stream gives each the same numbers.

    Copies agree where they have the elements in one order, and parts of one source that have no number in common are
    independent. Of others, what is not the source itself is replayed.
    """
    uses: dict[object, list[tuple[Program, Draw | None]]] = defaultdict(list)
    for program in programs:
        if program.folds:
            for draw in program.draws:
                for one in draw.slices:
                    uses[one].append((program, draw))
        elif program.is_random:
            for one in slices_of(program.number, fold):
                uses[one].append((program, None))
    for users in uses.values():
        if len(users) > 1 and _clash(users):
            own = next((_order(program, use) for program, use in users if use is not None and use.whole), None)
            for program, use in users:
                if use is None or not use.whole or _order(program, use) != own:
                    program.folds = False


def _clash(users: list[tuple[Program, Draw | None]]) -> bool:
    """Return whether arrays have numbers of a slice in common, and not the same ones in one order."""
    draws = [(program, draw) for program, draw in users if draw is not None]
    if len(draws) < len(users):
        return any(draw is None or not draw.whole for _, draw in users) and bool(draws)
    if len({_order(*one) for one in draws}) == 1:
        return False
    return any(a.within.overlaps(b.within) for k, (_, a) in enumerate(draws) for _, b in draws[:k])


def _order(program: Program, draw: Draw) -> object:
    """Return what the numbers of a stream, as they are stored, depend on."""
    plain = draw.within.is_consecutive
    layout = program.geometry.layout if program.geometry is not None and program.base is draw else None
    order = None if layout is None else (layout.replace("S", ""), draw.within.shape)
    is_matrix = draw.within.shape if isinstance(draw.initializer, MatrixInitializer) else None
    return (draw.within.offset, draw.within.size, None if plain else draw.within.moving, order, is_matrix)


def slices_of(number: int, fold: Fold) -> list[object]:
    """Return the slices of sources that a value comes from."""
    found: list[object] = []
    for operation in fold.tape.slice_of(number):
        for output in operation.outputs:
            value = fold.values[output]
            if operation.name == "random_bits" and isinstance(value, Filled) and value.law is not None:
                source = fold.sources[value.law.source]
                found += [source.slice(k) for k in range(len(source.keys))]
            if operation.name == "qr" and isinstance(value, Filled) and value.law is not None:
                source = fold.sources[value.law.source]
                found += [source.slice(k) for k in range(len(source.keys))]
    return found
