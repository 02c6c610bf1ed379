"""Streams that are taken: two variables of one model may not silently have the same weights."""

from __future__ import annotations

import weakref
from typing import Any, Final

from fanin.exceptions import FaninValueError

__all__ = ["claim"]

_TAKEN: Final[dict[tuple[int, str], weakref.ref[Any]]] = {}


def claim(seed: int, stream: str, variable: Any) -> None:
    """Note that a variable has a stream.

    Another build of the same model has the same streams, and lawfully so. It has other outermost names, or the same
    paths; what has the same outermost name and another path is a second variable of the same model.

    Raises:
        FaninValueError: Another variable of the same layer or model has it.
    """
    known = _TAKEN.get((seed, stream))
    other = None if known is None else known()
    if other is not None and other is not variable:
        paths = other.path, variable.path
        if paths[0] != paths[1] and len({path.partition("/")[0] for path in paths}) == 1:
            raise FaninValueError(
                f"{paths[1]} would get the weights of {paths[0]}: both have the initializer named {stream!r}. Omit "
                f"name, so that each variable has its path as name, or initialize the whole model: "
                f"fanin_keras.init_model_(model, ...)."
            )
    key = seed, stream

    def forget(dead: weakref.ref[Any]) -> None:
        if _TAKEN.get(key) is dead:
            del _TAKEN[key]

    _TAKEN[key] = weakref.ref(variable, forget)
