"""Models and layers of Keras: each weight under its name within the model, as `fanin_keras.record` has it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from fanin.exceptions import FaninValueError
from fanin.weights.keras_names import walk
from fanin.weights.roles import Role, role_in

__all__ = ["is_layer", "variables"]


def is_layer(value: object) -> bool:
    """Return whether a value is a layer or a model of Keras; Keras is not imported for that."""
    keras = sys.modules.get("keras")
    layer = getattr(getattr(keras, "layers", None), "Layer", None)
    return layer is not None and isinstance(value, layer)


def variables(layer: Any) -> Iterator[tuple[str, object, Role]]:
    """Yield the weights of a layer by name, as the arrays or tensors of its backend, with their roles.

    Raises:
        FaninValueError: It has none yet, or no layer holds one of them.
    """
    if not layer.built or not layer.weights:
        raise FaninValueError(f"{layer.name!r} has no variables yet. Build it first: model.build(input_shape).")
    for one in walk(layer):
        value = one.variable.value
        array = value.numpy() if hasattr(value, "numpy") and "tensorflow" in sys.modules else value
        yield one.name, array, role_in(one.layer, one.variable.name, len(one.variable.shape))
