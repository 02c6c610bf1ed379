"""Models and layers of Keras: each variable under its path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from fanin.exceptions import FaninValueError

__all__ = ["is_layer", "variables"]


def is_layer(value: object) -> bool:
    """Return whether a value is a layer or a model of Keras; Keras is not imported for that."""
    keras = sys.modules.get("keras")
    layer = getattr(getattr(keras, "layers", None), "Layer", None)
    return layer is not None and isinstance(value, layer)


def variables(layer: Any) -> Iterator[tuple[str, object]]:
    """Yield the variables of a layer by path, as the arrays or tensors of its backend.

    Raises:
        FaninValueError: It has none yet, or two have one path.
    """
    if not layer.built or not layer.variables:
        raise FaninValueError(f"{layer.name!r} has no variables yet. Build it first: model.build(input_shape).")
    seen: set[str] = set()
    for variable in layer.variables:
        if variable.path in seen:
            raise FaninValueError(
                f"two variables of {layer.name!r} have the path {variable.path!r}. Give each layer its own name."
            )
        seen.add(variable.path)
        value = variable.value
        yield variable.path, value.numpy() if hasattr(value, "numpy") and "tensorflow" in sys.modules else value
