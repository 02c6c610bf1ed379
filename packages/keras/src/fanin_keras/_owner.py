"""The variable that Keras is initializing: an initializer is told a shape and a dtype only, and needs a name."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

import keras

from fanin_keras._names import is_automatic, layers_of, own_variables

__all__ = ["Owner", "automatic_parts", "find_owner"]


@dataclass(frozen=True)
class Owner:
    """What an initializer is called for.

    Attributes:
        variable: The variable.
        layer: The layer that has it, or None if none is known.
    """

    variable: Any
    layer: Any | None


def find_owner() -> Owner | None:
    """Return the variable that an initializer is called for, from the calls that led here; None if there is none."""
    variable = None
    for frame in _stack():
        one = frame.f_locals.get("self")
        if variable is None:
            variable = one if isinstance(one, keras.Variable) else None
        elif isinstance(one, keras.layers.Layer):
            if frame.f_code.co_name == "add_weight":
                return Owner(variable, one)
            # Keras may fill a whole model's variables later, in a call of a layer that need not be their own.
            for layer in layers_of(one):
                if _has(layer, variable):
                    return Owner(variable, layer)
    return None if variable is None else Owner(variable, None)


def _has(layer: Any, variable: Any) -> bool:
    return any(one is variable for one in own_variables(layer))


def automatic_parts(path: str) -> list[str]:
    """Return the parts of a variable's path that Keras has numbered, which change when the model is built again."""
    classes = {kind.__name__ for kind in _subclasses(keras.layers.Layer)} | {"Variable"}
    return [part for part in path.split("/") if any(is_automatic(part, kind) for kind in classes)]


def _subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from _subclasses(inner)


def _stack() -> Iterator[FrameType]:
    frame = inspect.currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back
