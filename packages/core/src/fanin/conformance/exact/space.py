"""The space of tensors: the factors that a call of `fanin.init` combines, and the case that one choice per factor is.

Mistakes live between features: in a slice of a grouped kernel, or a stack of float16. `cover` chooses.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from random import Random
from typing import Any, Final

from fanin.conformance.case import Case
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninError
from fanin.initializers import Identity, MatrixInitializer, Sparse
from fanin.initializers.presets import (
    constant,
    delta_orthogonal,
    dirac,
    glorot_uniform,
    he_normal,
    identity,
    lecun_truncated_normal,
    normal,
    orthogonal,
    sparse,
    truncated_normal,
    uniform,
    variance_scaling,
)

__all__ = ["FACTORS", "Choices", "case_of"]

Choices = Mapping[str, Any]
"""One choice per factor."""

_INFINITY: Final = math.inf

FACTORS: Final[dict[str, tuple[Any, ...]]] = {
    "channels": ("OI", "IO", "OOI", "IIO", "OIO", "IOI", "IOOI", "O", "I", ""),
    "spatial": ("", "W", "HW", "WH", "DHW", "HWD"),
    "position": ("last", "first", "between", "mixed"),
    "labelled": (True, False),
    "groups": (1, 2, 3, 6, "each"),
    "transposed": (False, True),
    "stride": (None, "number", "sequence"),
    "stack": (None, "first", "middle", "last"),
    "slices": (None, "first axis", "every axis", "one position", "empty"),
    "ones": (None, "out", "in", "spatial", "all", "no out"),
    "dtype": tuple(DTYPES),
    "initializer": (
        normal(std=0.5),
        normal(mean=0.7, std=0.1),
        normal(mean=-30.0, std=1e-3),
        uniform(-0.25, 0.25),
        uniform(0.1, 0.9),
        truncated_normal(std=0.3),
        truncated_normal(mean=0.2, std=0.3, lower=-0.5, upper=1.5),
        truncated_normal(std=1.0, lower=0.0, upper=_INFINITY),
        truncated_normal(mean=-0.4, std=0.7, lower=-_INFINITY, upper=1.0),
        truncated_normal(std=0.2, lower=2.5, upper=3.0),
        he_normal(),
        glorot_uniform(),
        lecun_truncated_normal(),
        variance_scaling(1.3, "fan_out", "normal"),
        variance_scaling(0.7, "fan_geo", "uniform"),
        constant(-0.0),
        constant(0.1),
        constant(-1e-60),
        identity(0.3),
        dirac(1.1),
        sparse(0.6, std=0.5),
        orthogonal(1.7),
        delta_orthogonal(0.7),
    ),
    "name": ("plain", None, "empty", "text", "long", "spaced"),
    "seed": ("word", "zero", "two words"),
}
"""Each factor and its choices. The first choices together are a dense layer, which every other choice is a change of.

    channels:    O and I axes in stored order
    spatial:     spatial axes in stored order
    position:    of the spatial axes: after the channels, before, after the first, or in turn with them
    labelled:    whether the layout is stated
    groups:      how many, or as many as there are channels to divide
    stack:       where the S axis is, if there is one
    slices:      which part is drawn
    ones:        what has size 1: the out- or in-channels of a group, the spatial axes, or all; or no out-channels
"""

_NAMES: Final = {
    "plain": "layer.weight",
    None: None,
    "empty": "",
    "text": "größe.gro\u0308ße/重み\U0001f600",
    "long": "block.0.attention." * 60,
    "spaced": "\ufeff name \t\n",
}
_LARGEST: Final = {0: 40, 1: 40, 2: 13, 3: 7, 4: 5, 5: 3}
_ELEMENTS: Final = 500
_TRIES: Final = 24


def case_of(choices: Choices, details: Random) -> Case | None:
    """Return a case with these choices, or None if they have no meaning together.

    Args:
        choices: One choice per factor.
        details: Where sizes, seeds and bounds of slices come from.
    """
    for _ in range(_TRIES):  # some sizes are refused: too few out-channels, groups that do not split several axes
        case = _case(choices, details)
        if case is None:
            return None
        try:
            case.plan()
        except FaninError:
            continue
        if math.prod(case.shape) <= _ELEMENTS:
            return case
    return None


def _case(choices: Choices, details: Random) -> Case | None:
    letters = _letters(choices)
    if letters is None:
        return None
    transposed = choices["transposed"]
    shape, groups = _shape(letters, choices, details)
    stride = {
        None: None,
        "number": details.randint(1, 3),
        "sequence": tuple(details.randint(1, 3) for letter in letters if letter in "DHW"),
    }[choices["stride"]]
    if not choices["labelled"] and (groups != 1 or transposed or stride is not None):
        return None
    slices = _slices(shape, choices["slices"], details)
    if slices == ():
        return None
    name = _NAMES[choices["name"]]
    stack = shape[letters.index("S")] if "S" in letters else None
    return Case(
        shape,
        choices["initializer"],
        letters if choices["labelled"] else None,
        seed={"zero": 0, "word": details.getrandbits(32), "two words": details.getrandbits(64)}[choices["seed"]],
        name=name if stack is None or name is None else tuple(f"{k}{name}" for k in range(stack)),
        dtype=choices["dtype"],
        slices=slices,
        groups=groups,
        transposed=transposed,
        stride=stride,
    )


def _letters(choices: Choices) -> str | None:
    """Return the axes in stored order, or None if the choices want axes that are not there, or none that are."""
    channels: str = choices["channels"]
    spatial: str = choices["spatial"]
    position, stack = choices["position"], choices["stack"]
    if position != "last" and not (channels and spatial):
        return None
    needed = {"out": "O", "in": "I", "spatial": "DHW", "no out": "O"}.get(choices["ones"])
    if needed is not None and not set(needed) & set(channels + spatial):
        return None
    if choices["groups"] != 1 and _split(choices) not in channels:
        return None
    initializer = choices["initializer"]
    if not choices["labelled"] and (stack is not None or initializer.needs_fans):
        return None
    if isinstance(initializer, MatrixInitializer) and not {"O", "I"} <= set(channels if choices["labelled"] else ""):
        return None
    if isinstance(initializer, Identity | Sparse) and spatial:
        return None
    if position == "first":
        letters = spatial + channels
    elif position == "between":
        letters = channels[:1] + spatial + channels[1:]
    elif position == "mixed":
        letters = "".join(a + b for a, b in itertools.zip_longest(spatial, channels, fillvalue=""))
    else:
        letters = channels + spatial
    if stack is None:
        return letters
    at = {"first": 0, "middle": (len(letters) + 1) // 2, "last": len(letters)}[stack]
    return f"{letters[:at]}S{letters[at:]}"


def _shape(letters: str, choices: Choices, details: Random) -> tuple[tuple[int, ...], int]:
    """Return the shape and the number of groups, which multiplies the sizes of one letter's axes."""
    largest = _LARGEST.get(len(letters), 3 if len(letters) == 6 else 2)
    sizes = [details.randint(2, largest) for _ in letters]
    ones = {"out": "O", "in": "I", "spatial": "DHW", "all": letters}.get(choices["ones"], "")
    sizes = [1 if letter in ones else size for letter, size in zip(letters, sizes, strict=True)]
    groups, split = choices["groups"], [k for k, letter in enumerate(letters) if letter == _split(choices)]
    if groups == "each":
        for k in split:
            sizes[k] = details.randint(2, max(2, largest))
        groups = math.prod(sizes[k] for k in split)
    elif groups == 6 and len(split) > 1 and details.random() < 0.5:  # groups end within the second axis
        sizes[split[0]] = 3
        sizes[split[1]] *= 2
    elif split:
        sizes[split[0]] = groups * min(sizes[split[0]], 3)
    if choices["ones"] == "no out":
        sizes = [0 if letter == "O" else size for letter, size in zip(letters, sizes, strict=True)]
    return tuple(sizes), groups


def _split(choices: Choices) -> str:
    return "I" if choices["transposed"] else "O"


def _slices(shape: tuple[int, ...], kind: str | None, details: Random) -> tuple[tuple[int, int], ...] | None:
    """Return the part to draw, None for the whole, and an empty tuple if there is no such part."""
    if kind is None:
        return None
    if not shape or (kind == "one position" and 0 in shape):
        return ()
    if kind == "one position":
        places = [details.randrange(size) for size in shape]
        return tuple((place, place + 1) for place in places)
    parts = [_range(size, details) for size in shape]
    if kind == "first axis":
        return (parts[0],)
    if kind == "empty":
        k = details.randrange(len(shape))
        parts[k] = (parts[k][0], parts[k][0])
    return tuple(parts)


def _range(size: int, details: Random) -> tuple[int, int]:
    start, stop = sorted(details.sample(range(size + 1), 2)) if size else (0, 0)
    return start, stop
