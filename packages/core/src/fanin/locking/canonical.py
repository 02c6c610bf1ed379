"""Parameters in logical order, (slice, out, in, *kernel), in which all layouts of one tensor are the same."""

from __future__ import annotations

from dataclasses import replace

from fanin.dtypes import DTYPES
from fanin.initializers import MatrixInitializer
from fanin.models import Parameter
from fanin.models.parameter import OTHER_DTYPES
from fanin.plans.rule_of import rule_of

__all__ = ["in_logical_order", "needs_whole"]


def in_logical_order(parameter: Parameter) -> Parameter:
    """Return a parameter that draws the same weights, by its own law and without its parts, in logical order.

    Args:
        parameter: A parameter with a law of its own.

    Example:
        >>> in_logical_order(Parameter((3, 3, 5, 7), "float32", "he_normal", layout="HWIO")).shape
        (7, 5, 3, 3)
    """
    geometry, initializer = parameter.geometry, parameter.initializer
    assert initializer is not None
    if geometry.layout is None or not parameter.size or parameter.dtype in OTHER_DTYPES:
        return replace(parameter, parts=())
    law = initializer.law(initializer.fans(geometry) if initializer.needs_fans else None)
    groups = geometry.groups if geometry.transposed else 1  # of a transposed kernel, the out-channels of one are stored
    sizes = {"O": geometry.channels("O") * groups, "I": geometry.channels("I") // groups}
    letters = [letter for letter in "SOIDHW" if letter in geometry.layout]
    shape = tuple(sizes.get(letter, geometry.channels(letter)) for letter in letters)
    made = Parameter(
        shape, parameter.dtype, law, "".join(letters), geometry.groups, stream=parameter.stream, note=parameter.note
    )
    form = DTYPES[parameter.dtype]
    if isinstance(law, MatrixInitializer) and rule_of(law, made.geometry, form) != rule_of(law, geometry, form):
        raise AssertionError(f"{initializer} makes other matrices of {made} than of {parameter}")
    return made


def needs_whole(parameter: Parameter) -> bool:
    """Return whether drawing a piece of a parameter costs as much as drawing all of it."""
    own = parameter.initializer
    return (isinstance(own, MatrixInitializer) and own.is_random) or any(
        needs_whole(part.parameter) for part in parameter.parts
    )
