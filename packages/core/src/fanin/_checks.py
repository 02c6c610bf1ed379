"""Checks of single arguments, so that each kind of mistake gives the same message everywhere."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from numbers import Complex, Real
from typing import Final

from fanin.exceptions import FaninTypeError, FaninValueError


def whole_number(value: object, what: str, at_least: float) -> int:
    """Return `value` as an int. It must be an integer of any library, not a bool, and at least `at_least`."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise FaninTypeError(f"{what} must be a whole number. Received: {value!r} of type {type(value).__name__}.")
    try:
        number = operator.index(value)
    except TypeError as error:  # an array with several elements has an __index__ that raises
        raise FaninTypeError(f"{what} must be one whole number. Received: {value!r}.") from error
    if number < at_least:
        raise FaninValueError(f"{what} must be at least {at_least}. Received: {number}.")
    return number


def finite_number(value: object, what: str) -> float:
    """Return `value` as a float. It must be a finite real number and not a bool."""
    number = real_number(value, what)
    if not math.isfinite(number):
        raise FaninValueError(f"{what} must be finite. Received: {number}.")
    return number


def positive_number(value: object, what: str) -> float:
    """Return `value` as a float. It must be a finite real number above 0."""
    number = finite_number(value, what)
    if number <= 0:
        raise FaninValueError(
            f"{what} must be above 0. Received: {number}. For weights that are all equal, use fanin.constant(value)."
        )
    return number


def probability(value: object, what: str, such_as: str) -> float:
    """Return `value` as a float. It must be above 0 and below 1; `such_as` is one that is usual."""
    number = finite_number(value, what)
    if number <= 0 or number >= 1:
        side = "above 0" if number <= 0 else "below 1"
        raise FaninValueError(f"{what} is a probability and must be {side}, such as {such_as}. Received: {value!r}.")
    return number


def real_number(value: object, what: str) -> float:
    """Return `value` as a float. It must be a real number (infinities are allowed), not a bool and not a NaN."""
    real = isinstance(value, Real) or (hasattr(value, "__float__") and not isinstance(value, Complex))
    if isinstance(value, bool) or not real:
        raise FaninTypeError(f"{what} must be a real number. Received: {value!r} of type {type(value).__name__}.")
    try:
        number = float(value)  # type: ignore[arg-type]  # has __float__
    except OverflowError as error:
        raise FaninValueError(f"{what} must fit in a double. Received: {value!r}.") from error
    except (TypeError, ValueError) as error:  # an array of several elements
        raise FaninTypeError(f"{what} must be one real number. Received: {value!r}.") from error
    if math.isnan(number):
        raise FaninValueError(f"{what} must be a number. Received: {number}.")
    return number


_ELSEWHERE: Final[dict[str, tuple[str, ...]]] = {
    "eye": ("identity",),
    "gaussian": ("normal",),
    "random_normal": ("normal",),
    "random_uniform": ("uniform",),
    **{name: (f"{name}_normal",) for name in ("he", "kaiming", "glorot", "xavier", "lecun")},
    "msra": ("he_normal",),
    "delta": ("delta_orthogonal",),
    **dict.fromkeys(("half", "fp16"), ("float16",)),
    **dict.fromkeys(("single", "float", "fp32"), ("float32",)),
    **dict.fromkeys(("double", "fp64"), ("float64",)),
    **dict.fromkeys(("float8", "fp8"), ("float8_e4m3fn",)),
    "a": ("negative_slope", "low", "lower"),
    "b": ("high", "upper"),
    "loc": ("mean",),
    "scale": ("gain", "std"),
    "nonlinearity": ("activation",),
}
"""Names in other libraries and papers, and the names here; only those that the nearest spelling would not find."""


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that `name` most likely means, or None. The choices are in lower case."""
    import difflib  # only an error needs it

    known, lower = list(choices), name.lower().rstrip("_")
    meant = [other for other in _ELSEWHERE.get(lower, ()) if other in known]
    return next(iter(meant or difflib.get_close_matches(lower, known, n=1)), None)


def closest(name: str, choices: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the choice that `name` most likely means, or "". Choices are in lower case."""
    found = nearest(name, choices)
    return f" Did you mean {found!r}?" if found else ""
