"""A drawn parameter in logical order, by an oracle that shares no code with `fanin.layout`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from fanin import Parameter, reference

__all__ = ["logical", "stored"]

Place = tuple[int, int, int, tuple[int, ...]]
"""Where a weight is: slice of the stack, out-channel, in-channel of its group, tap."""


def stored(parameter: Parameter, name: str, seed: int = 3) -> list[float]:
    """Return the weights in stored order, parts included."""
    if parameter.initializer is None:
        weights = [0.0] * parameter.size
    else:
        weights = list(reference.values(parameter.plan(name, seed)))
    for k, part in enumerate(parameter.parts):
        inner = stored(part.parameter, f"{name}#{k}", seed)
        places = itertools.product(*(range(start, stop) for start, stop in part.region))
        for place, weight in zip(places, inner, strict=True):
            index = 0
            for position, size in zip(place, parameter.shape, strict=True):
                index = index * size + position
            weights[index] = weight
    return weights


def logical(parameter: Parameter, name: str, seed: int = 3) -> list[float]:
    """Return the weights in the order (slice, out, in, *kernel); without a layout it is the stored one."""
    weights = stored(parameter, name, seed)
    if parameter.layout is None:
        return weights
    return [weight for _, weight in sorted(zip(places(parameter), weights, strict=True))]


def places(parameter: Parameter) -> Iterator[Place]:
    """Yield the place of each stored element."""
    layout, shape, groups = parameter.layout or "", parameter.shape, parameter.groups
    inputs = math.prod(size for size, letter in zip(shape, layout, strict=True) if letter == "I")
    outputs = math.prod(size for size, letter in zip(shape, layout, strict=True) if letter == "O")
    for position in itertools.product(*map(range, shape)):
        found = dict.fromkeys("OIS", 0)
        kernel = {}
        for at, size, letter in zip(position, shape, layout, strict=True):
            if letter in "DHW":
                kernel[letter] = at
            else:
                found[letter] = found[letter] * size + at
        if parameter.transposed:  # stored are all in-channels, and the out-channels of a group
            group, found["I"] = divmod(found["I"], inputs // groups)
            found["O"] += group * outputs
        yield found["S"], found["O"], found["I"], tuple(kernel[letter] for letter in "DHW" if letter in kernel)
