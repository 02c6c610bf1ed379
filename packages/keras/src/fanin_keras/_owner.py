"""The variable that Keras is initializing: an initializer is told a shape and a dtype only, and needs a name."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

import keras

from fanin_keras._names import is_automatic, layers_of

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
            if (layer := next((layer for layer in layers_of(one) if _has(layer, variable)), None)) is not None:
                return Owner(variable, layer)
    return None if variable is None else Owner(variable, None)


def _has(layer: Any, variable: Any) -> bool:
    own = (*layer._trainable_variables, *layer._non_trainable_variables)
    return any(each is variable for each in own)


def automatic_parts(path: str) -> list[str]:
    """Return the parts of a variable's path that Keras has numbered, which change when the model is built again."""
    classes = {one.__name__ for one in _subclasses(keras.layers.Layer)} | {"Variable"}
    return [part for part in path.split("/") if any(is_automatic(part, name) for name in classes)]


def _subclasses(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _subclasses(one)


def _stack() -> Iterator[FrameType]:
    frame = inspect.currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back
