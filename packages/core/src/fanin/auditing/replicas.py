"""Copies of a model that should be equal, held against the first one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fanin.auditing.findings import Finding, Severity
from fanin.auditing.hashing import words_of
from fanin.auditing.reading import PIECE, numbers_of
from fanin.dtypes import DTYPES
from fanin.locking.naming import naming
from fanin.models.names import plain_name
from fanin.weights import Tensor, Weights

__all__ = ["replicas"]


@dataclass(frozen=True)
class _Difference:
    """How two tensors of one name differ.

    Attributes:
        what: In which way, and in words that follow "differs between replicas 0 and 1, ".
        elements: How many elements.
        largest: The largest difference of two of them; 0 where it has no meaning.
        is_rounding: Whether one is the other, stored in a dtype with other precision.
    """

    what: str
    elements: int
    largest: float = 0.0
    is_rounding: bool = False


def replicas(copies: Sequence[Weights], advance: Callable[[str, int], None]) -> Iterator[Finding]:
    """Yield how each copy differs from the first one."""
    first = copies[0]
    for k, copy in enumerate(copies[1:], 1):
        other = _named_as(first, copy)
        lacking = [name for name in first if name not in other] + [name for name in other if name not in first]
        ways: dict[tuple[str, bool], dict[str, _Difference]] = {}
        if lacking:
            ways["there in only one", False] = {name: _Difference("", 0) for name in lacking}
        for name in first:
            if name not in other:
                continue
            found = _difference(first[name], other[name], advance)
            if found is not None:
                ways.setdefault((found.what, found.is_rounding), {})[name] = found
        for (what, is_rounding), found_by_name in ways.items():
            largest = max(one.largest for one in found_by_name.values())
            evidence = {
                "replica": k,
                "elements": sum(one.elements for one in found_by_name.values()),
                "of": len(first),
                "largest difference": largest,
            }
            severity: Severity = "warning" if is_rounding else "error"
            far = f"by {largest:.3g} at most" if math.isfinite(largest) else "where one of them is not finite"
            by = f"{what}{far}" if not what or what.endswith(" ") else what
            cause = f"differs between replicas 0 and {k}, {by}"
            line = f"replicas[{k}].load_state_dict(replicas[0].state_dict())  # or draw both from one seed"
            yield Finding(severity, "replicas", tuple(found_by_name), cause, evidence, line)


def _named_as(first: Weights, copy: Weights) -> Mapping[str, Tensor]:
    """Return the tensors of a copy under the names of the first one: wrappers put `module.` and the like into them."""
    if set(copy) <= set(first):
        return copy
    plain = {plain_name(name): name for name in first}
    if len(plain) < len(first):
        return copy
    named = naming(plain, copy)
    given = {own: plain[name] for name, own in named.names.items()}
    return {given.get(name, name): tensor for name, tensor in copy.items()}


def _difference(a: Tensor, b: Tensor, advance: Callable[[str, int], None]) -> _Difference | None:
    """Return how two tensors differ, or None where they are equal."""
    if a.shape != b.shape:
        advance(a.name, a.size)
        return _Difference(f"in shape: {_shown(a.shape)} and {_shown(b.shape)}", max(1, a.size))
    if a.dtype != b.dtype and not (a.dtype in DTYPES and b.dtype in DTYPES):
        advance(a.name, a.size)
        return _Difference(f"in dtype: {a.dtype} and {b.dtype}", max(1, a.size))
    same = a.dtype == b.dtype
    count, largest = 0, 0.0
    for region in a.pieces(PIECE):
        first, second = a.read(region), b.read(region)
        advance(a.name, first.size)
        unequal = words_of(first) != words_of(second) if same else None
        if unequal is not None and not unequal.any():
            continue
        if not same or not a.dtype.startswith("complex"):
            x, y = numbers_of(first, a.dtype).reshape(-1), numbers_of(second, b.dtype).reshape(-1)
            if not same:
                unequal = _unequal(x, y, a.dtype, b.dtype)
            assert unequal is not None
            x, y = (one[unequal.reshape(-1)] for one in (x, y))
            with np.errstate(invalid="ignore"):
                far = float(np.abs(x - y).max(initial=0.0))
            largest = max(largest, math.inf if math.isnan(far) else far)
        count += int(unequal.sum()) if unequal is not None else 0
    if same and count and not largest:
        what = "in the signs of zeros alone" if a.dtype in DTYPES else f"in bits of {a.dtype}"
        return _Difference(what, count)
    if same:
        return _Difference("", count, largest) if count else None
    dtypes = f"{a.dtype} and {b.dtype}"
    if not count:
        return _Difference(f"in dtype alone: the weights are equal, rounding aside, as {dtypes}", a.size, 0.0, True)
    return _Difference(f"in dtype, {dtypes}, and rounding aside ", count, largest)


def _unequal(x: NDArray[np.float64], y: NDArray[np.float64], first: str, second: str) -> NDArray[np.bool_]:
    """Return which numbers of two dtypes are further apart than rounding to the coarser one can move them."""
    form = min((DTYPES[one] for one in (first, second)), key=lambda one: one.mantissa)
    size = np.maximum(np.abs(x), np.abs(y))
    reach = np.maximum(size, form.smallest_normal) * 2.0**-form.mantissa
    with np.errstate(invalid="ignore"):
        near = (np.abs(x - y) <= reach) | (x == y) | (np.isnan(x) & np.isnan(y))
    return np.asarray(~near)


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "scalar"
