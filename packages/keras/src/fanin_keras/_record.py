"""Reading a model's own initialization: each variable with the law of the initializer that its layer gave to it."""

from __future__ import annotations

import math
from typing import Any, Final

from keras import layers

from fanin.initializers import Constant
from fanin.initializers import Initializer as Law
from fanin.models import Parameter, Part, Scheme
from fanin.models.parameter import OTHER_DTYPES
from fanin_keras._initializer import Initializer
from fanin_keras._laws import law_of
from fanin_keras._layers import Axes, axes_of, fan_axes_of, is_bias, is_convolutional_cell
from fanin_keras._names import Named, dtype_name, named_variables, own_variables, shape_of
from fanin_keras._rebuilt import rebuilt_initializers
from fanin_keras._sources import Source, source_of, unknown

__all__ = ["QUANTISED", "own_parameters", "record"]

QUANTISED: Final = "quantised: "
"""How the note of a quantised layer's weight begins."""


def record(model: Any) -> Scheme:
    """Return a built model's own initialization as a scheme: what each layer's initializers draw from.

    A variable's name is its path within the model: the names of the layers that lead to it and its own, joined by "/".
    Automatic names ("dense_3") are numbered by position within their layer ("dense", "dense_1"), so that a model has
    the same names however often it is built, saved and loaded. A layer that is used twice counts once.

    The laws are those of the initializers that the layers hold or, for a layer of one's own that holds none, of those
    that it gives to its variables when it is made again from its configuration. They are the laws of Keras, with the
    fans as Keras counts them. Variables that follow no law of fanin's are in the scheme with a note that says what
    computes them: functions, tables, quantised weights, and what Keras does not keep.
    Seeds are not part of a scheme, and each variable has a stream of its own, also where Keras gives two variables the
    same weights because they share a seed. Its name is the variable's, unless a `fanin_keras.Initializer` states one.

    Args:
        model: A built `keras.Model`, or a layer.

    Returns:
        The scheme. `init_model_` draws it into this model or another build of it; `scheme.draw` into arrays.

    Raises:
        FaninTypeError: It is neither a model nor a layer.
        FaninValueError: It has not been built.

    Example:
        >>> import keras
        >>> model = keras.Sequential([layers.Dense(4), layers.LayerNormalization(), layers.Dense(2)])
        >>> model.build((None, 3))
        >>> print(record(model))
        name                       shape  dtype    law                   layout
        dense/kernel               3 x 4  float32  U(-0.92582, 0.92582)  IO
        dense/bias                 4      float32  every weight is 0     O
        layer_normalization/gamma  4      float32  every weight is 1
        layer_normalization/beta   4      float32  every weight is 0
        dense_1/kernel             4 x 2  float32  U(-1, 1)              IO
        dense_1/bias               2      float32  every weight is 0     O
    """
    return Scheme(own_parameters(named_variables(model)))


def own_parameters(variables: list[Named]) -> dict[str, Parameter]:
    """Return what a scheme of the model's own initialization says of each variable."""
    rebuilt: dict[int, dict[int, Any]] = {}
    found = {}
    for one in variables:
        source = source_of(one.layer, one.key)
        if (mode := getattr(one.layer, "quantization_mode", None)) is not None and not is_bias(one.key):
            source = Source(note=f"{QUANTISED}{mode}")
        if source is None:
            if id(one.layer) not in rebuilt:
                rebuilt[id(one.layer)] = _rebuilt(one.layer)
            initializer = rebuilt[id(one.layer)].get(id(one.variable))
            source = unknown(one.layer, one.key) if initializer is None else Source(initializer)
        found[one.name] = _own_parameter(one, source)
    return found


def _rebuilt(layer: Any) -> dict[int, Any]:
    """Return the initializers of a layer's own variables, by the variables' identities, as far as they can be found."""
    initializers = rebuilt_initializers(layer) or []
    return {id(one): made for one, made in zip(own_variables(layer), initializers, strict=False) if made is not None}


def _own_parameter(one: Named, source: Source) -> Parameter:
    shape, dtype = shape_of(one.variable), dtype_name(one.variable)
    axes = axes_of(one.layer, one.key, shape)
    if source.initializer is None:
        return Parameter(shape, dtype, note=source.note)
    if one.key == "bias" and _sets_forget_gate(one.layer):
        return _with_forget_gate(one, source.initializer, shape, dtype)
    return _parameter(one, source, shape, dtype, axes)


def _parameter(one: Named, source: Source, shape: tuple[int, ...], dtype: str, axes: Axes) -> Parameter:
    initializer = source.initializer
    stream = None
    found: tuple[Law, Axes] | str
    if isinstance(initializer, Initializer):
        found = initializer.law, initializer.axes_for(one.layer, one.key, shape)
        stream = initializer.name if initializer.law.is_random and initializer.name != one.name else None
    else:
        found = law_of(initializer, shape, axes, fan_axes_of(one.layer, one.key))
    if isinstance(found, str):
        return Parameter(shape, dtype, note=found)
    law, axes = found
    if source.is_root:
        if not isinstance(law, Constant):
            return Parameter(shape, dtype, note=f"random: the square root of {law}")
        law = Constant(math.sqrt(law.value))
    if dtype in OTHER_DTYPES and not (isinstance(law, Constant) and law.value.is_integer()):
        return Parameter(shape, dtype, note=f"{law} in {dtype}, which no law draws")
    return Parameter(shape, dtype, law, stream=stream, **axes.arguments)


def _sets_forget_gate(layer: Any) -> bool:
    is_cell = isinstance(layer, layers.LSTMCell) or is_convolutional_cell(layer)
    return is_cell and bool(layer.unit_forget_bias)


def _with_forget_gate(one: Named, initializer: Any, shape: tuple[int, ...], dtype: str) -> Parameter:
    """Return the bias of an LSTM, whose second quarter is ones; Keras calls the initializer for those on each side."""
    size = shape[0] // 4
    ones = Part(((size, 2 * size),), Parameter((size,), dtype, Constant(1.0)))
    sides = [(0, size), (2 * size, 4 * size)]
    found = [Part((side,), _parameter(one, Source(initializer), (side[1] - side[0],), dtype, Axes())) for side in sides]
    first, last = (part.parameter for part in found)
    if isinstance(first.initializer, Constant):
        return Parameter(shape, dtype, first.initializer, parts=(ones,))
    if first.initializer is None:
        return Parameter(shape, dtype, note=first.note)
    assert last.initializer is not None
    return Parameter(shape, dtype, parts=(found[0], ones, found[1]))
