"""The variable that Keras is initializing: an initializer is told a shape and a dtype only, and needs a name."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final

import keras
from keras import layers

from fanin_keras._names import is_automatic, layers_of, own_variables

__all__ = ["Owner", "find_owner"]

_NAMES_ITS_CELL: Final = (
    *(layers.SimpleRNN, layers.LSTM, layers.GRU),
    *(layers.ConvLSTM1D, layers.ConvLSTM2D, layers.ConvLSTM3D),
)
"""Layers that give the same name to their cell in every build."""


@dataclass(frozen=True)
class Owner:
    """What an initializer is called for.

    Attributes:
        variable: The variable.
        layer: The layer that has it, or None if none is known.
        around: The layers that are being built, the latest first.
    """

    variable: Any
    layer: Any | None
    around: tuple[Any, ...] = ()

    def numbered_names(self) -> list[str]:
        """Return the parts of the variable's path that Keras has made up, which change when the model is built again.

        A name that is that of the layer's class may be made up or given: it counts as made up.
        """
        *path, key = self.variable.path.split("/")
        parents = [None, *path]
        found = [name for name, parent in zip(path, parents, strict=False) if self._is_numbered(name, parent)]
        return [*found, key] if is_automatic(key, "Variable") else found

    def _is_numbered(self, name: str, parent: str | None) -> bool:
        known = [type(one) for one in self.around if one.name == name]
        if any(isinstance(one, _NAMES_ITS_CELL) for one in self.around if one.name == parent):
            return False
        return any(is_automatic(name, kind.__name__) for kind in known or _subclasses(layers.Layer))


def find_owner() -> Owner | None:
    """Return the variable that an initializer is called for, from the calls that led here; None if there is none."""
    frames = [frame for frame in _stack() if "self" in frame.f_locals]
    selves = [frame.f_locals["self"] for frame in frames]
    first = next((k for k, one in enumerate(selves) if isinstance(one, keras.Variable)), None)
    if first is None:
        return None
    variable = selves[first]
    around = tuple(one for one in selves if isinstance(one, layers.Layer))
    for frame in frames[first:]:
        one = frame.f_locals["self"]
        if isinstance(one, layers.Layer) and frame.f_code.co_name == "add_weight":
            return Owner(variable, one, around)
    # Keras may fill a whole model's variables later, in a call of a layer that need not be their own.
    for one in around:
        inside = tuple(layers_of(one))
        for layer in inside:
            if any(own is variable for own in own_variables(layer)):
                return Owner(variable, layer, inside)
    return Owner(variable, None, around)


def _subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from _subclasses(inner)


def _stack() -> Iterator[FrameType]:
    frame = inspect.currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back
