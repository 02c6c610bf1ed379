"""What the arguments of one tensor mean, and which are refused (specification, sections 1, 6, 7, 8 and 10)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from second_reference.formats import FORMATS

SETTINGS: dict[str, dict[str, Any]] = {
    "constant": {"value": None},
    "normal": {"mean": 0.0, "std": 0.01},
    "uniform": {"low": None, "high": None},
    "truncated_normal": {"mean": 0.0, "std": 0.01, "lower": -2.0, "upper": 2.0},
    "variance_scaling": {"scale": None, "mode": None, "distribution": None},
    "identity": {"gain": 1.0},
    "dirac": {"gain": 1.0},
    "sparse": {"sparsity": None, "std": 0.01},
    "orthogonal": {"gain": 1.0},
    "delta_orthogonal": {"gain": 1.0},
}
"""The settings of each initializer and their defaults, None where there is none."""

CHOICES = {
    "mode": ("fan_in", "fan_out", "fan_avg", "fan_geo"),
    "distribution": ("normal", "uniform", "truncated_normal"),
}
MATRICES = ("identity", "dirac", "sparse", "orthogonal", "delta_orthogonal")
WITHOUT_WORDS = ("constant", "identity", "dirac")


class Refused(ValueError):  # noqa: N818  # what happens to arguments, in the specification's word
    """The arguments are refused."""


def refuse(condition: bool, why: str) -> None:
    """Raise `Refused` if the condition holds."""
    if condition:
        raise Refused(why)


def whole(value: object, least: int, what: str) -> int:
    """Return a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise Refused(f"{what} is not a whole number of at least {least}: {value!r}")
    return value


def real(value: object, what: str, infinite: bool = False) -> float:
    """Return a real number, finite unless infinities are allowed."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused(f"{what} is no number: {value!r}")
    try:
        number = float(value)
    except OverflowError:
        raise Refused(f"{what} does not fit a double") from None
    refuse(math.isnan(number) or (math.isinf(number) and not infinite), f"{what} is {number}")
    return number


def initializer(data: dict[str, Any]) -> dict[str, Any]:
    """Return all settings of an initializer, checked."""
    kind = data.get("initializer")
    if kind not in SETTINGS:
        raise Refused(f"no such initializer: {kind!r}")
    given = {key: value for key, value in data.items() if key != "initializer"}
    known = SETTINGS[kind]
    refuse(not given.keys() <= known.keys(), f"settings of {kind}: {given}")
    found = {**known, **given}
    for key, value in found.items():
        if key in CHOICES:
            refuse(value not in CHOICES[key], f"{key} is {value!r}")
        else:
            found[key] = real(value, key, infinite=key in ("lower", "upper"))
        refuse(key in ("std", "scale", "gain") and found[key] <= 0, f"{key} is not above 0")
    if kind == "uniform":
        low, high = found["low"], found["high"]
        refuse(low >= high or math.isinf(high - low) or math.isinf(low + high), "low and high")
    refuse(kind == "truncated_normal" and found["lower"] >= found["upper"], "lower is not below upper")
    refuse(kind == "sparse" and not 0 <= found["sparsity"] <= 1, "sparsity outside [0, 1]")
    return {"initializer": kind, **found}


@dataclass(frozen=True)
class Tensor:
    """A whole tensor as stored: one letter per axis (None if not stated), groups, and the product of the strides."""

    shape: tuple[int, ...]
    layout: str | None
    groups: int
    transposed: bool
    strides: int

    def sizes(self, letters: str) -> list[int]:
        """Return the sizes of the axes that the letters name, letter by letter, in stored order."""
        named = list(zip(self.layout or "", self.shape, strict=False))
        return [size for letter in letters for name, size in named if name == letter]

    def count(self, letters: str) -> int:
        """Return the product of the sizes of the axes that the letters name."""
        return math.prod(self.sizes(letters))

    @property
    def matrix(self) -> tuple[int, int]:
        """The out- and the in-channels of one group."""
        if self.transposed:
            return self.count("O"), self.count("I") // self.groups
        return self.count("O") // self.groups, self.count("I")

    @property
    def splits(self) -> bool:
        """Whether the in-channels of one group are the last in-axes, times a divisor of the one before (6.2)."""
        if not self.transposed or 0 in self.shape:
            return True
        period = self.matrix[1]
        for size in reversed(self.sizes("I")):
            if period % size:
                return size % period == 0
            period //= size
        return True


def tensor(shape: Any, layout: Any, groups: Any, transposed: Any, stride: Any) -> Tensor:
    """Check the arguments that describe a tensor (sections 6 and 7)."""
    sizes = tuple(whole(size, 0, "a dimension") for size in shape)
    refuse(math.prod(size for size in sizes if size) >= 2**63, "2^63 elements or more")
    refuse(not isinstance(transposed, bool), "transposed is neither true nor false")
    whole(groups, 1, "groups")
    if layout is None:
        refuse(groups != 1 or transposed or stride is not None, "groups, transposed or stride without a layout")
        return Tensor(sizes, None, 1, False, 1)
    refuse(not isinstance(layout, str), "layout is not text")
    refuse(len(layout) != len(sizes) or not set(layout) <= set("OIDHWS"), f"layout {layout!r}")
    refuse(any(layout.count(letter) > 1 for letter in "DHWS"), f"layout {layout!r} repeats a letter")
    spatial = sum(letter in "DHW" for letter in layout)
    if stride is None:
        stride = 1
    steps = [stride] * spatial if not isinstance(stride, (list, tuple)) else stride
    refuse(len(steps) != spatial, "strides are not one per spatial axis")
    for step in steps if isinstance(stride, (list, tuple)) else [stride]:
        whole(step, 1, "a stride")
    found = Tensor(sizes, layout, groups, transposed, math.prod(steps))
    refuse(found.count("I" if transposed else "O") % groups > 0, "groups do not divide the channels")
    refuse(found.count("O") != 1 and not found.splits, "groups do not split the in-axes")
    return found


def parts(slices: Any, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the drawn (start, stop) of each axis; axes at the end may be left out, and None is a whole axis."""
    given = [] if slices is None else list(slices)
    refuse(len(given) > len(shape), "more slices than axes")
    found = [(0, size) for size in shape]
    for k, part in enumerate(given):
        if part is not None:
            start, stop = (whole(end, 0, "an end of a slice") for end in part)
            refuse(not start <= stop <= shape[k], "a slice leaves the tensor")
            found[k] = start, stop
    return found


def names(name: Any, stack: tuple[int, int, int] | None, needed: bool) -> dict[int, str | None]:
    """Return the name of each drawn stream by its position, and 0 without a stack.

    Args:
        name: A name, or with a stack a list of names.
        stack: How many positions the stack has, and the drawn (start, stop) of them.
        needed: Whether the initializer draws words.
    """
    if stack is None:
        refuse(name is not None and not isinstance(name, str), "a name is not text")
        return _encodable({0: name})
    if name is None and not needed:
        return {}
    refuse(not isinstance(name, (list, tuple)), "a stack without a list of names")
    refuse(not all(isinstance(text, str) for text in name), "a name is not text")
    refuse(not len(name) == len(set(name)) == stack[0], "names are not one per position, or not different")
    return _encodable({k: name[k] for k in range(*stack[1:])})


def _encodable(found: dict[int, str | None]) -> dict[int, str | None]:
    try:
        "".join(text or "" for text in found.values()).encode()
    except UnicodeEncodeError:
        raise Refused("a name that UTF-8 cannot encode") from None
    return found


def seed_of(seed: object) -> int:
    """Return a seed in [0, 2^64)."""
    refuse(whole(seed, 0, "seed") >= 2**64, "seed is 2^64 or more")
    return whole(seed, 0, "seed")


def dtype_of(dtype: object) -> str:
    """Return the name of a format."""
    if not isinstance(dtype, str) or dtype not in FORMATS:
        raise Refused(f"no such dtype: {dtype!r}")
    return dtype
