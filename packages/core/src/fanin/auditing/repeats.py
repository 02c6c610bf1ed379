"""Rows and columns of a tensor that are zeros, or equal bit for bit."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fanin.auditing.context import Context
from fanin.auditing.dead import dead_units, layout_of
from fanin.auditing.families import may_follow_a_law
from fanin.auditing.findings import Finding, Severity
from fanin.auditing.hashing import groups_of_equal
from fanin.auditing.reading import Reading
from fanin.auditing.slices import numbered, stack_of
from fanin.auditing.units import Unit
from fanin.dtypes import DTYPES
from fanin.models.draw import common_region

__all__ = ["repeated"]

_TABLE: Final = re.compile(r"emb|tok|shared|wte|wpe|vocab|head", re.IGNORECASE)
"""What tensors are called whose rows may be zeros: a padding row, or those that fill up a vocabulary."""

_STEPS: Final = 3
_FEWEST: Final = 6
_SHOWN: Final = 4
_MOSTLY: Final = 0.5
_FEW_ZEROS: Final = 0.01
_FEWEST_RANDOM: Final = 16
_CLOSE: Final = 0.05
"""A distance of distribution functions: a table of sines is further from any law."""

_DIVISORS: Final = (2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 64)


def repeated(found: Reading, context: Context) -> tuple[list[Finding], float]:
    """Return what is wrong with the rows and columns, and how often each row is there.

    Args:
        found: The tensor; its units are told where zeros are more than the law draws.
        context: The audit.
    """
    hashes = found.hashes
    size = found.tensor.size
    zeros = sum(unit.summary.zeros for unit in found.units)
    if hashes is None or found.is_constant or not found.is_number or not found.bits:
        return [], 1.0
    if not context.has_scheme and zeros > _MOSTLY * size and not _rest_is_random(found, zeros, context):
        return [], 1.0  # an identity, or sparse
    if len(found.shape) < 2:
        return _of_a_vector(found, context)
    rows = _checked_rows(found)
    columns = _checked_columns(found)
    faults: list[Finding] = []
    if not context.has_scheme and len(rows) > 1 and _is_table(found) and (hashes.rows == hashes.rows[0]).all():
        cause = f"has {len(rows):,} rows that are all equal bit for bit, of few values or in order: a table, perhaps"
        return [_finding("note", "equal rows", found, cause, {}, context)], float(len(rows))
    enough = -math.log2(context.alpha)
    unwritten, by_position = found.units[0].dead, layout_of(found) is None
    if not unwritten and not by_position:
        faults += dead_units(found, context)
    if not unwritten and by_position and found.bits * found.columns > enough + math.log2(len(rows) or 1):
        faults += _dead_rows(found, rows, context)
    if not unwritten and by_position and found.bits * len(rows) > enough + math.log2(found.columns or 1):
        faults += _dead_columns(found, columns, context)
    repeats = 1.0
    across, down = int(hashes.column_used.sum()), int(hashes.row_used.sum())  # zeros are equal by no chance
    if found.bits * across > enough + 2 * math.log2(len(rows) or 1):
        same, repeats = _equal_rows(found, rows & hashes.row_used, context)
        faults += same
    if repeats == 1 and found.bits * down > enough + 2 * math.log2(found.columns or 1):
        same, repeats = _equal_columns(found, columns & hashes.column_used, context)
        faults += same
    return faults, repeats


def _rest_is_random(found: Reading, zeros: int, context: Context) -> bool:
    """Return whether most weights are zeros because rows of them are, and the other rows look random."""
    assert found.hashes is not None
    if len(found.shape) < 2 or found.tensor.dtype not in DTYPES:
        return False
    used = int(found.hashes.row_used.sum())
    left = zeros - (found.shape[0] - used) * found.columns
    if left > _FEW_ZEROS * used * found.columns:
        return False
    return not found.is_ordered(_STEPS) and _may_follow_a_law(found, context)


def _may_follow_a_law(found: Reading, context: Context) -> bool:
    """Return whether the weights that are not 0 may be random."""
    sample = max((one[one != 0] for one in (found.units[0].summary.sample, found.head)), key=len)
    return sample.size >= _FEWEST_RANDOM and may_follow_a_law(sample, found.tensor.dtype, context.alpha)


def _checked_rows(found: Reading) -> npt.NDArray[np.bool_]:
    """Return the rows that are random weights alone."""
    checked = np.ones(found.shape[0], np.bool_)
    for unit in found.units:
        start, stop = unit.region[0]
        random = unit.parameter is None or unit.is_random
        wide = unit.region[1:] == tuple((0, size) for size in found.shape[1:])
        if wide or not random:
            checked[start:stop] = random
    return checked


def _checked_columns(found: Reading) -> npt.NDArray[np.bool_]:
    checked = np.ones(found.shape[1:], np.bool_)
    for unit in found.units:
        if unit.parameter is not None and not unit.is_random and unit.region[0] == (0, found.shape[0]):
            checked[tuple(slice(*ends) for ends in unit.region[1:])] = False
    return checked.reshape(-1)


def _dead_rows(found: Reading, checked: npt.NDArray[np.bool_], context: Context) -> Iterator[Finding]:
    assert found.hashes is not None
    dead = np.flatnonzero(checked & ~found.hashes.row_used)
    if not dead.size:
        return
    for unit in found.units:
        unit.dead = True
    contiguous = int(dead[-1] - dead[0]) == dead.size - 1
    trailing = contiguous and dead[-1] == found.shape[0] - 1
    padding = bool(_TABLE.search(found.name)) and (dead.size == 1 or trailing) and not context.has_scheme
    if not context.has_scheme and (_is_table(found) or (not dead[0] and not _may_follow_a_law(found, context))):
        return  # the sines of position 0 are zeros too
    severity: Severity = "note" if padding else "warning"
    why = ": padding, perhaps" if padding else ": units that pass nothing on"
    many = f"{dead.size:,} rows" if dead.size > 1 else "a row"
    if not padding and contiguous and dead.size * found.columns >= 1024:
        why += ", or memory that nothing was written to"
    cause = f"has {many} of zeros, {_places(dead.tolist())}{why}"
    kind = "dead rows"
    if (stack := stack_of(found)) is not None and not padding:
        kind, why = "dead slices", why.replace("units", "layers or experts")
        cause = f"is zeros in {numbered(dead.tolist(), stack)}{why}"
    yield _finding(severity, kind, found, cause, {"rows": dead.tolist()[:1000]}, context)


def _dead_columns(found: Reading, checked: npt.NDArray[np.bool_], context: Context) -> Iterator[Finding]:
    assert found.hashes is not None
    rest = (found.shape[1], -1)
    used = (found.hashes.column_used | ~checked).reshape(rest).any(1)
    dead = np.flatnonzero(~used)
    if not dead.size:
        return
    for unit in found.units:
        unit.dead = True
    many = f"{dead.size:,} columns" if dead.size > 1 else "a column"
    cause = f"has {many} of zeros, {_places(dead.tolist())}: inputs that are never read"
    yield _finding("warning", "dead columns", found, cause, {"columns": dead.tolist()[:1000]}, context)


def _equal_rows(found: Reading, among: npt.NDArray[np.bool_], context: Context) -> tuple[list[Finding], float]:
    assert found.hashes is not None
    assert found.constant_rows is not None
    groups = groups_of_equal(found.hashes.rows, among & ~found.constant_rows)
    groups = [group for group in groups if not _explained(found, group)]
    if not groups:
        return [], 1.0
    stack = stack_of(found)
    word = "slices" if stack is not None and not stack.axis else "rows"
    copies = sum(len(group) - 1 for group in groups)
    repeats = found.shape[0] / max(1, found.shape[0] - copies)
    return [_of_groups(found, groups, found.hashes.rows, word, context)], repeats


def _equal_columns(found: Reading, among: npt.NDArray[np.bool_], context: Context) -> tuple[list[Finding], float]:
    assert found.hashes is not None
    groups = groups_of_equal(found.hashes.columns, among)
    groups = [group for group in groups if not _are_constant_slices(found, group)]
    copies = sum(len(group) - 1 for group in groups)
    repeats = found.columns / max(1, found.columns - copies)
    if not groups or not (found.is_random if context.has_scheme else _looks_random(found, repeats, context)):
        return [], 1.0
    return [_of_groups(found, groups, found.hashes.columns, "columns", context)], repeats


def _are_constant_slices(found: Reading, group: list[int]) -> bool:
    """Return whether equal columns are all of some slices of a stack, and one number: their law speaks of that."""
    stack = stack_of(found)
    if stack is None or not stack.axis:
        return False
    places = np.unravel_index(group, found.shape[1:])
    count = np.unique(places[stack.axis - 1]).size
    if len(group) * stack.count != count * found.columns:
        return False
    first = tuple((int(place[0]), int(place[0]) + 1) for place in places)
    column = found.tensor.read(((0, found.shape[0]), *first)).reshape(-1)
    return bool((column == column[0]).all())


def _looks_random(found: Reading, repeats: float, context: Context) -> bool:
    """Return whether weights of which no scheme speaks follow a law, and enough of them that a table would not."""
    sample, dtype = found.units[0].summary.ordered_sample, found.tensor.dtype
    if dtype not in DTYPES or found.is_ordered(_STEPS):
        return False
    return may_follow_a_law(sample, dtype, context.alpha, repeats=repeats, widest=_CLOSE, ordered=True)


def _of_groups(
    found: Reading, groups: list[list[int]], hashes: npt.NDArray[np.uint64], word: str, context: Context
) -> Finding:
    total = hashes.size
    table = not context.has_scheme and word != "columns" and _is_table(found)
    severity: Severity = "note" if table else "error" if word != "columns" or context.has_scheme else "warning"
    why = ": a table, perhaps" if table else ""
    evidence: dict[str, Any] = {"groups": groups[:50]}
    copies = sum(len(group) for group in groups)
    kind = "equal blocks" if word == "columns" else "equal rows"
    if len(groups) == 1 and len(groups[0]) == total > 2:
        cause = f"has {total:,} {word} that are all equal bit for bit{why}"
        return _finding(severity, kind, found, cause, evidence, context)
    for k in reversed(_DIVISORS):
        if total % k == 0 and total > k and (hashes.reshape(k, -1) == hashes[: total // k]).all():
            whole = "it was drawn once for each shard, from one stream" if not table else "a table, perhaps"
            cause = f"consists of {k} blocks of {total // k:,} {word} that are equal bit for bit: {whole}"
            return _finding(severity, "equal blocks", found, cause, evidence, context)
    steps = {b - a for group in groups for a, b in itertools.pairwise(group)}
    firsts = [group[0] for group in groups]
    if len(steps) == 1 and len(groups) > 1 and firsts == list(range(firsts[0], firsts[0] + len(firsts))):
        step = steps.pop()
        a, b = firsts[0], firsts[-1] + 1
        if step >= b - a:
            cause = f"has the {word} {a}:{b} a second time, bit for bit, as {word} {a + step}:{b + step}"
            return _finding(severity, "equal blocks", found, cause, evidence, context)
    if word == "slices" and (stack := stack_of(found)) is not None and len(groups) <= _SHOWN:
        pairs = (f"{numbered(group[1:], stack)} as {group[0]}" for group in groups)
        cause = f"has the same weights, bit for bit, in {' and in '.join(pairs)}{why}"
        return _finding(severity, kind, found, cause, evidence, context)
    first = " and ".join(map(str, groups[0][:3]))
    cause = f"has {copies:,} {word} that are equal bit for bit to another one, such as {first}{why}"
    return _finding(severity, kind, found, cause, evidence, context)


def _of_a_vector(found: Reading, context: Context) -> tuple[list[Finding], float]:
    """Return whether a vector is the same block several times."""
    if len(found.shape) != 1 or len(found.units) > 1 or not found.is_random:
        return [], 1.0
    if not found.units[0].summary.is_sample_whole:
        return [], 1.0
    values = found.units[0].summary.raw_sample
    for k in reversed(_DIVISORS):
        block = values.size // k
        if values.size % k or found.bits * block < -math.log2(context.alpha) + 10:
            continue
        first = values[:block]
        if (values.reshape(k, block) == first).all() and (first != first[0]).any():
            cause = (
                f"consists of {k} blocks of {block:,} weights that are equal bit for bit: it was drawn once for each "
                f"shard, from one stream"
            )
            return [_finding("error", "equal blocks", found, cause, {"blocks": k}, context)], float(k)
    return [], 1.0


def _explained(found: Reading, group: list[int]) -> bool:
    """Return whether the rows are those of parts that have one stream and one law."""
    if len(found.units) < 2:
        return False
    keys = set()
    for row in group:
        line = ((row, row + 1), *((0, size) for size in found.shape[1:]))
        holder = [unit for unit in found.units if common_region(unit.region, line) == line]
        if not holder:
            return False
        unit: Unit = holder[-1]
        keys.add(
            (repr(unit.stream), repr(unit.law), unit.parameter.shape if unit.parameter else (), row - unit.region[0][0])
        )
    return len(keys) == 1


def _is_table(found: Reading) -> bool:
    """Return whether the first weights are in order, or few values again and again, as random ones are not."""
    row = len(found.shape) > 1 and found.columns >= _FEWEST
    head = found.head if found.head.size else found.first
    first = head[: found.columns] if row else head
    return found.is_ordered(_STEPS) or (first.size >= _FEWEST and 2 * np.unique(first).size <= first.size)


def _places(places: list[int]) -> str:
    if len(places) > 1 and places[-1] - places[0] == len(places) - 1:
        return f"{places[0]} to {places[-1]}"
    shown = ", ".join(map(str, places[:_SHOWN]))
    return f"number {shown}" + (", ..." if len(places) > _SHOWN else "")


def _finding(
    severity: Severity, kind: str, found: Reading, cause: str, evidence: dict[str, Any], context: Context
) -> Finding:
    return Finding(severity, kind, (found.name,), cause, evidence, context.line(found.units[0]))
