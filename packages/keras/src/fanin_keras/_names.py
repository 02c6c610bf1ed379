"""The variables of a model that are its weights, by name."""

from __future__ import annotations

from typing import Any

import keras

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.weights.keras_names import Named, is_automatic, layers_of, own_variables, walk

__all__ = ["Named", "dtype_name", "is_automatic", "layers_of", "named_variables", "own_variables", "shape_of"]


def named_variables(model: Any) -> list[Named]:
    """Return the variables that are a model's weights, each once: no state of seeds, of metrics or of optimizers.

    Raises:
        FaninTypeError: It is neither a model nor a layer.
        FaninValueError: It has not been built, so that it has no variables yet, or no layer holds one of them.
    """
    if not isinstance(model, keras.layers.Layer):
        raise FaninTypeError(
            f"a keras.Model or a keras.layers.Layer is needed. Received: {type(model).__name__}. For one array, use "
            f"fanin.init."
        )
    plain = keras.layers.Layer.build
    unbuilt = [one.name for one in layers_of(model) if not one.built and (one is model or type(one).build is not plain)]
    if unbuilt:
        raise FaninValueError(
            f"the model has no variables before it is built. Received: {model.name}, of which {', '.join(unbuilt[:5])} "
            f"{'is' if len(unbuilt) == 1 else 'are'} not built. Call model.build(input_shape), or the model on data."
        )
    return walk(model)


def shape_of(variable: Any) -> tuple[int, ...]:
    """Return a variable's shape; TensorFlow has a type of its own for it."""
    return tuple(int(size) for size in variable.shape)


def dtype_name(variable: Any) -> str:
    """Return the name of a variable's dtype, as it is stored."""
    return str(keras.backend.standardize_dtype(variable._dtype))
