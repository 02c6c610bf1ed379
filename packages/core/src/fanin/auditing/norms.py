"""Scales of norms, and matrices, that are constants of a surprising value: only without a scheme, which says more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from fanin.auditing.context import Context, line_of_shape
from fanin.auditing.findings import Finding
from fanin.auditing.siblings import Sibling

__all__ = ["constants"]

_NORM: Final = re.compile(r"(^|[._/])\w*(norm|ln|bn|layernorm|batchnorm)\w*?[._/](weight|scale|gamma)$", re.IGNORECASE)
_SCALE: Final = re.compile(r"(norm|ln|bn)\w*[._/](\d+[._/])?(weight|scale|gamma)$", re.IGNORECASE)
_WEIGHT: Final = re.compile(r"(weight|kernel|matrix|embedding|proj)\w*$|(^|[._/])[wW]\w*$", re.IGNORECASE)
"""What matrices are called whose units would be alike: not those that scale each element."""

_BIAS: Final = re.compile(r"(^|[._/])\w*(bias|beta)\w*$", re.IGNORECASE)
"""What may be zeros whatever its shape: a bias of several axes."""

_MANY: Final = 0.5
"""A share of scales that are constants, from which the others are no trained ones."""


def constants(layers: Iterable[Sibling], context: Context) -> Iterator[Finding]:
    """Yield the scales of norms that are not 1, their shifts that are not 0, and the matrices that are constant."""
    known = list(layers)
    scales = [one for one in known if _is_scale(one)]
    still = [one for one in scales if one.std == 0]
    for one in still:
        if one.mean == 0:
            cause = "scales a norm by 0: the branch starts as nothing, or the model adds 1"
            yield Finding("note", "norm", (one.name,), cause, {"value": one.mean})
        elif one.mean != 1:
            yield Finding(
                "warning",
                "norm",
                (one.name,),
                f"scales a norm by {one.mean:.6g}, and not by 1",
                {"value": one.mean},
                _ones(one),
            )
    fresh = still and len(still) >= _MANY * len(scales)
    shifts = {one.name: one.std for one in known}
    for one in scales:
        # A norm that was trained has a shift that is no constant either.
        if one.std > 0 and (fresh or shifts.get(_shift(one.name)) == 0):
            cause = f"scales a norm by random numbers, std {one.std:.3g} around {one.mean:.3g}, and not by 1"
            numbers = {"std": one.std, "mean": one.mean, "likely": ["random"]}  # one finding for all that are
            yield Finding("warning", "norm", (one.name,), cause, numbers, _ones(one))
    yield from _shifts([one for one in known if one.role == "shift"], fresh=bool(fresh))
    yield from _matrices([one for one in known if _is_matrix(one) and not one.role and not _BIAS.search(one.name)])


def _is_scale(one: Sibling) -> bool:
    """Return whether the module that has it is a norm, or, where nobody knows its module, its name is like a norm's."""
    if one.role:  # of several axes one that is random is rather a matrix
        return one.role == "scale" and (len(one.shape) == 1 or one.std == 0)
    return len(one.shape) == 1 and bool(_NORM.search(one.name) or _SCALE.search(one.name))


def _shifts(shifts: list[Sibling], *, fresh: bool) -> Iterator[Finding]:
    """Yield the shifts of norms that are not 0, unless they may be trained."""
    for one in shifts:
        if one.std == 0 and one.mean != 0:
            text = f"shifts a norm by {one.mean:.6g}, and not by 0"
            numbers: dict[str, Any] = {"value": one.mean}
        elif one.std > 0 and fresh:
            text = f"shifts a norm by random numbers, std {one.std:.3g} around {one.mean:.3g}, and not by 0"
            numbers = {"std": one.std, "mean": one.mean, "likely": ["random"]}
        else:
            continue
        yield Finding("warning", "norm", (one.name,), text, numbers, f'weights["{one.name}"][...] = 0')


def _shift(name: str) -> str:
    """Return what the shift of a norm is called, given its scale."""
    word = re.search(r"[^._/]*$", name)
    assert word is not None
    return name[: word.start()] + ("beta" if word[0].lower() == "gamma" else "bias")


def _matrices(matrices: list[Sibling]) -> Iterator[Finding]:
    still = [one for one in matrices if one.std == 0]
    many = 2 * len(still) > len(matrices)
    for one in still:
        numbers = {"value": one.mean}
        line = line_of_shape(one.name, one.shape)
        if one.mean == 0 and not many:
            cause = "is a matrix of zeros: right where a branch shall start as nothing"
            yield Finding("note", "constant", (one.name,), cause, numbers)
        elif not _WEIGHT.search(one.name):
            yield Finding("note", "constant", (one.name,), f"is {one.mean:.6g} everywhere: a scale, perhaps", numbers)
        else:
            cause = f"is {one.mean:.6g} everywhere: every unit computes the same, and learns the same"
            yield Finding("warning", "constant", (one.name,), cause, numbers, line)


def _is_matrix(one: Sibling) -> bool:
    """Return whether several axes have several positions: a scale of shape (64, 1, 1) is a vector."""
    return sum(size > 1 for size in one.shape) > 1


def _ones(one: Sibling) -> str:
    return f'weights["{one.name}"][...] = 1'
