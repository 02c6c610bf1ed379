"""Whole tensors: the logical index of each element, and its weight (specification, sections 5, 6 and 9)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from second_reference import arguments, laws, streams
from second_reference.arguments import MATRICES, WITHOUT_WORDS, Tensor, refuse
from second_reference.formats import FORMATS


def tobytes(
    shape: Iterable[int],
    initializer: dict[str, Any],
    *,
    layout: str | None = None,
    seed: int = 0,
    name: str | list[str] | None = None,
    dtype: str = "float32",
    slices: list[list[int] | None] | None = None,
    groups: int = 1,
    transposed: bool = False,
    stride: int | list[int] | None = None,
) -> bytes:
    """Return a tensor, or the part of it that `slices` name, as little-endian bytes in stored order.

    Raises:
        Refused: The specification refuses the arguments.
        NotImplementedError: The weights of `orthogonal` and `delta_orthogonal`, which have no specified bits.
    """
    settings, dtype = arguments.initializer(initializer), arguments.dtype_of(dtype)
    tensor = arguments.tensor(shape, layout, groups, transposed, stride)
    part, seed = arguments.parts(slices, tensor.shape), arguments.seed_of(seed)
    axis = None if layout is None or "S" not in layout else layout.index("S")
    stack = None if axis is None else (tensor.shape[axis], *part[axis])
    names = arguments.names(name, stack, settings["initializer"] not in WITHOUT_WORDS)
    itemsize = FORMATS[dtype].width // 8
    refuse(math.prod(stop - start for start, stop in part) * itemsize >= 2**63, "2^63 bytes or more")
    weight = _weight(settings, tensor, dtype)
    keys = {k: streams.key(seed, text) for k, text in names.items()}
    places = itertools.product(*(range(*ends) for ends in part))
    patterns = (weight(keys.get(0 if axis is None else at[axis]), logical_index(tensor, at)) for at in places)
    return b"".join(pattern.to_bytes(itemsize, "little") for pattern in patterns)


def logical_index(tensor: Tensor, place: tuple[int, ...]) -> int:
    """Return the flat position in the canonical order (out, in, *kernel), by the coordinates of an element."""
    if tensor.layout is None:
        return _flat(zip(place, tensor.shape, strict=True))
    axes = list(zip(tensor.layout, place, tensor.shape, strict=True))

    def flat(letters: str) -> int:
        return _flat((at, size) for letter in letters for axis, at, size in axes if axis == letter)

    group, into = 0, flat("I")
    outs, ins = tensor.count("O"), tensor.count("I")
    if tensor.transposed:
        outs, ins = tensor.matrix
        group, into = divmod(into, ins)
    return ((group * outs + flat("O")) * ins + into) * tensor.count("DHW") + flat("DHW")


def _flat(axes: Iterable[tuple[int, int]]) -> int:
    index = 0
    for at, size in axes:
        index = index * size + at
    return index


def _weight(settings: dict[str, Any], tensor: Tensor, dtype: str) -> Any:
    """Return the function from a key and a logical index to the bits of a weight."""
    kind = settings["initializer"]
    if kind == "constant":
        bits = laws.constant(settings["value"], dtype)
        return lambda key, index: bits
    if kind not in MATRICES:
        draw = laws.draw(laws.law(settings, tensor), dtype)
        return lambda key, index: draw.pattern(streams.word(key, index), dtype)
    refuse(not {"O", "I"} <= set(tensor.layout or ""), f"{kind} without O and I")
    refuse(not tensor.splits, "groups do not split the in-axes")
    refuse(kind in ("identity", "sparse") and bool(tensor.sizes("DHW")), f"{kind} with spatial axes")
    if kind in ("identity", "dirac"):
        return _diagonal(laws.constant(settings["gain"], dtype), tensor)
    if kind == "sparse":
        return _sparse(settings, tensor, dtype)
    return _orthogonal(settings, tensor, dtype)


def _diagonal(bits: int, tensor: Tensor) -> Any:
    rows, columns = tensor.matrix
    sizes = tensor.sizes("DHW")
    taps, centre = math.prod(sizes), _flat((size // 2, size) for size in sizes)

    def weight(key: object, index: int) -> int:
        row, column = index // (columns * taps) % rows, index // taps % columns
        return bits if index % taps == centre and row == column else 0

    return weight


def _sparse(settings: dict[str, Any], tensor: Tensor, dtype: str) -> Any:
    rows, columns = tensor.matrix
    draw = laws.draw(laws.Law("normal", settings["std"]), dtype)
    zeros = math.ceil(settings["sparsity"] * rows)

    @lru_cache(maxsize=1 << 16)
    def masked(key: streams.Words, group: int, column: int) -> frozenset[int]:
        mask = streams.further_key(key, "mask")
        first = group * rows * columns + column
        return frozenset(sorted(range(rows), key=lambda row: (streams.word(mask, first + row * columns), row))[:zeros])

    def weight(key: streams.Words, index: int) -> int:
        row, column = index // columns % rows, index % columns
        if row in masked(key, index // (rows * columns), column):
            return 0
        return draw.pattern(streams.word(key, index), dtype)

    return weight


def _orthogonal(settings: dict[str, Any], tensor: Tensor, dtype: str) -> Any:
    rows, columns = tensor.matrix
    narrow = settings["initializer"] == "delta_orthogonal" and rows < columns and 0 not in tensor.shape
    refuse(narrow, "delta_orthogonal with fewer out- than in-channels")
    laws.check_gain(settings["gain"], dtype)

    def weight(key: object, index: int) -> int:
        raise NotImplementedError

    return weight
