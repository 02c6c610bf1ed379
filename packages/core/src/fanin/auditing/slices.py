"""One slice of a stack, a layer that is scanned over or an expert, that is unlike the law or unlike the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fanin.auditing import reading
from fanin.auditing.against_law import against_law
from fanin.auditing.context import Context
from fanin.auditing.families import may_follow_a_law
from fanin.auditing.far import without_far
from fanin.auditing.findings import Finding
from fanin.auditing.reading import Reading, numbers_of
from fanin.auditing.siblings import Sibling, minority
from fanin.auditing.statistics import Summary
from fanin.auditing.units import Unit, ends_of
from fanin.dtypes import DTYPES
from fanin.models.parameter import Parameter, Region
from fanin.weights.tensor import pieces, whole_of

__all__ = ["Stack", "numbered", "odd_slices", "places_in", "stack_axis", "stack_of", "wrong_slices"]

Floats = npt.NDArray[np.float64]

_LEAST: Final = 8
"""Positions that the axes of a matrix have, without a scheme: fewer are a kernel's."""

_MOST: Final = 1024
_FEWEST: Final = 4
_SAMPLED: Final = 64
"""Slices that a stack has at most, and at least for one to be unlike the others; weights of one that tell."""

_SHOWN: Final = 4


@dataclass(frozen=True)
class Stack:
    """Which axis of a tensor counts layers or experts.

    Attributes:
        axis: The axis.
        count: How many there are.
    """

    axis: int
    count: int


def stack_of(found: Reading) -> Stack | None:
    """Return which axis stacks matrices: by the layout of a scheme, or by the shape where none is stated."""
    axis = stack_axis(found.shape, found.parameter)
    if axis is None or not found.tensor.is_whole or len(found.units) != 1:
        return None
    return Stack(axis, found.shape[axis])


def stack_axis(shape: tuple[int, ...], parameter: Parameter | None) -> int | None:
    """Return the axis that stacks matrices; None where none does.

    Args:
        shape: The shape of a tensor.
        parameter: What a scheme says of it; None without one.
    """
    is_kernel = len(shape) > 3 and shape[0] == shape[1]
    axis: int | None = None if len(shape) < 3 or is_kernel or min(shape[1:]) < _LEAST else 0
    if parameter is not None and (parameter.layout is not None or parameter.parts):
        axis = parameter.geometry.stack_axis
    return axis if axis is not None and 1 < shape[axis] <= _MOST else None


def numbered(numbers: Iterable[int], stack: Stack) -> str:
    """Return which slices of a stack are meant: "slice 3 of 8", "slices 1 and 3 of 8".

    Example:
        >>> numbered([3], Stack(0, 8)), numbered([1, 3, 4], Stack(0, 8))
        ('slice 3 of 8', 'slices 1, 3 and 4 of 8')
    """
    texts = [str(one) for one in numbers]
    if len(texts) == 1:
        return f"slice {texts[0]} of {stack.count}"
    if len(texts) > _SHOWN:
        texts = [*texts[: _SHOWN - 1], f"{len(texts) - _SHOWN + 1} more"]
    return f"slices {', '.join(texts[:-1])} and {texts[-1]} of {stack.count}"


def places_in(found: Reading, is_meant: Callable[[Floats], npt.NDArray[np.bool_]]) -> str:
    """Return in which slices of a stack some weights are, as text; nothing where the tensor is none, or all have some.

    Args:
        found: The tensor. It is read again.
        is_meant: Returns which of some weights are meant.
    """
    stack = stack_of(found)
    if stack is None:
        return ""
    which = [
        k
        for k in range(stack.count)
        if any(is_meant(values).any() for values in _values(found, _region(found, stack, k)))
    ]
    return numbered(which, stack) if 0 < len(which) < stack.count else ""


def wrong_slices(found: Reading, unit: Unit, own: list[Finding], context: Context) -> list[Finding]:
    """Return what is wrong with single slices of a stack that has a law; nothing where it is wrong with most of them.

    Args:
        found: The tensor. Slices that look wrong are read again.
        unit: Its one unit.
        own: What is wrong with it as a whole.
        context: The audit.
    """
    stack = stack_of(found)
    if stack is None or unit.law is None or unit.parameter is None:
        return []
    context = dataclasses.replace(context, rate=context.rate / stack.count)
    sampled = {k: _slice(found, unit, stack, k, [values]) for k, values in _sampled(unit, found, stack).items()}
    likely = [k for k, one in sampled.items() if _is_judged(one) and against_law(one, 1.0, context)[1]]
    if 2 * len(likely) > stack.count:
        return []
    faults: dict[int, Finding] = {}
    rest: Unit | None = None
    for k in range(stack.count) if own else likely:
        one = _slice(found, unit, stack, k, _values(found, _region(found, stack, k)))
        if not _is_judged(one):
            continue
        if faulty := against_law(one, 1.0, context)[1]:
            faults[k] = faulty[0]
            if unit.parameter.geometry.stack_axis is None:  # one stream for all: a slice is no draw of its own
                faults[k] = dataclasses.replace(faulty[0], line=context.line(unit))
            continue
        few = one.summary
        if rest is None:
            rest = dataclasses.replace(one, summary=Summary(found.tensor.size, few.dtype, few.centre, few.ends))
        rest.summary.add_summary(few)
    if not faults or 2 * len(faults) > stack.count:
        return []
    if own and rest is not None and against_law(rest, 1.0, context)[1]:
        return []  # a small fault of all slices shows in few of them alone
    return _merged(faults, stack)


def odd_slices(found: Reading, context: Context) -> list[Finding]:
    """Return which slices of a stack are unlike the others, without a scheme.

    Args:
        found: The tensor, which was read in the order of memory.
        context: The audit.
    """
    stack = stack_of(found)
    unit = found.units[0]
    if stack is None or stack.count < _FEWEST or found.tensor.dtype not in DTYPES:
        return []
    sampled = {
        k: without_far(values)
        for k, values in _sampled(unit, found, stack).items()
        if values.size >= _SAMPLED and np.isfinite(values).all() and (values.any() or not unit.dead)
    }
    if len(sampled) < _FEWEST:
        return []
    slices = {
        k: Sibling(str(k), values.shape, values.size, float(values.mean()), _std(values), "")
        for k, values in sampled.items()
    }
    context = dataclasses.replace(context, rate=context.rate / stack.count)
    unlike = minority(list(slices.values()), context)
    rest = np.concatenate([values for k, values in sampled.items() if str(k) not in unlike])
    if not unlike or not may_follow_a_law(rest, found.tensor.dtype, context.alpha):
        return []
    faults = {
        int(one.name): Finding(
            "warning",
            "sibling",
            (found.name,),
            f"{numbered([int(one.name)], stack)} is unlike the others: {own}, and {theirs}",
            {"std": one.std, "mean": one.mean, "std of the others": typical.std},
            context.line(_slice(found, unit, stack, int(one.name), [])),
        )
        for one, typical, own, theirs in unlike.values()
    }
    return _merged(faults, stack)


def _std(values: Floats) -> float:
    return 0.0 if values.min() == values.max() else float(values.std())


def _merged(faults: dict[int, Finding], stack: Stack) -> list[Finding]:
    """Return the faults of slices with those of one kind as one, in the words of the first."""
    kinds: dict[tuple[str, str], list[int]] = {}
    for k, one in faults.items():
        kinds.setdefault((one.kind, str(one.evidence.get("likely"))), []).append(k)
    found = []
    for group in kinds.values():
        first = faults[group[0]]
        cause = first.cause
        if len(group) > 1:
            single = numbered(group[:1], stack)
            for word, plural in (("has", "have"), ("is", "are")):
                cause = cause.replace(f"{single} {word} ", f"{numbered(group, stack)} {plural} ", 1)
        evidence = {**first.evidence, "slices": group, "which": numbered(group, stack)}
        found.append(dataclasses.replace(first, cause=cause, evidence=evidence))
    return found


def _region(found: Reading, stack: Stack, k: int) -> Region:
    return tuple((k, k + 1) if axis == stack.axis else ends for axis, ends in enumerate(whole_of(found.shape)))


def _values(found: Reading, region: Region) -> Iterable[Floats]:
    for piece in pieces(region, reading.PIECE):
        yield numbers_of(found.tensor.read(piece), found.tensor.dtype).reshape(-1)


def _sampled(unit: Unit, found: Reading, stack: Stack) -> dict[int, Floats]:
    """Return the weights of each slice that the first reading has kept: nothing where it was in another order."""
    if found.tensor.stored:
        return {}
    sample = unit.summary.raw_sample
    behind = int(np.prod(found.shape[stack.axis + 1 :], dtype=np.int64))
    which = np.arange(sample.size) * unit.summary.step // behind % stack.count
    order = np.argsort(which, kind="stable")
    ends = np.searchsorted(which[order], np.arange(1, stack.count))
    return {k: values for k, values in enumerate(np.split(sample[order], ends)) if values.size}


def _slice(found: Reading, unit: Unit, stack: Stack, k: int, values: Iterable[Floats]) -> Unit:
    """Return a slice as a unit of its own, with a summary of some weights of it."""
    region = _region(found, stack, k)
    parameter, stream = None, unit.stream
    if unit.parameter is not None:
        stream = unit.stream[k] if isinstance(unit.stream, tuple) else unit.stream
        parameter = _parameter(unit.parameter, stack.axis)
    expected = unit.expected
    dtype = found.tensor.dtype
    ends = (-np.inf, np.inf) if expected is None else ends_of(expected, dtype)
    size = found.tensor.size // stack.count
    summary = Summary(size, dtype, 0.0 if expected is None else expected.mean, ends)
    for piece in values:
        summary.add(piece)
    return Unit(
        found.name, region, parameter, unit.law, stream, summary, shape=found.shape, dead=unit.dead,
        label=numbered([k], stack), index=(":, " * stack.axis) + str(k),
    )  # fmt: skip


def _parameter(whole: Parameter, axis: int) -> Parameter:
    layout = whole.layout or ""
    return dataclasses.replace(
        whole,
        shape=whole.shape[:axis] + whole.shape[axis + 1 :],
        layout=layout[:axis] + layout[axis + 1 :] or None,
        stream=None,
    )


def _is_judged(one: Unit) -> bool:
    """Return whether a slice is one that a law may be held against: not one of zeros, which has a finding already."""
    summary = one.summary
    return bool(summary.count) and not (one.dead and summary.zeros == summary.count)
