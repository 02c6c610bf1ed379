"""Whole models, in place: by a scheme, or by one law for all layers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TypeVar

from fanin.exceptions import FaninTypeError
from fanin.initializers import Initializer
from fanin.initializers.names import get_initializer
from fanin.models import Scheme
from fanin.stream.keys import seed_words
from fanin_keras._names import named_variables
from fanin_keras._one_law import OneLaw, one_law_scheme
from fanin_keras._overrides import Overrides, Value
from fanin_keras._write import check, write

__all__ = ["init_model_"]

_Model = TypeVar("_Model")


def init_model_(
    model: _Model,
    initialization: str | Initializer | Scheme = "he",
    *,
    bias: str | Initializer | None = None,
    seed: int = 0,
    overrides: Mapping[Any, Value] | None = None,
    dry_run: bool = False,
) -> _Model:
    """Overwrite every weight of a built Keras model in place: by a scheme, or by one law for all layers.

    The names are those of `record`. The bits are the same on Keras's TensorFlow, JAX and torch backends. The state of
    seeds, metrics and optimizers is not touched.

    With a scheme each variable gets its own distribution, from the stream that the scheme names. What follows no law
    stays as it is.

    With one law:

    - Dense and convolutional layers, EinsumDense and so attention: `initialization` for the kernel, with the axes,
      groups and strides that the layer says, and `bias` for the bias.
    - LSTM, GRU, ConvLSTM: each gate is a matrix of its own, with `initialization`. Its stream is named after the gate,
      in Keras's order: `.../kernel.i`, `.f`, `.c`, `.o`, or `.z`, `.r`, `.h`.
    - What the model's own initializers make constant keeps that constant, unless it is a kernel: scales, statistics,
      biases, the forget gate's ones. Kernels are overwritten, and a warning names those that were constant.
    - Variables that are not trained, such as the vector of spectral normalization, keep their own law.

    Any other variable, such as an embedding or what a layer of yours adds, must be listed in `overrides`: nothing is
    guessed.

    Args:
        model: A built `keras.Model`, or a layer.
        initialization: A `fanin.Scheme`, which `record` reads; or the initializer of kernels: a name or a
            `fanin.Initializer`, as in `fanin.init`.
        bias: The initializer of biases, likewise; it must not need fans. None for the constants that the model's own
            initializers give, and zeros.
        seed: An integer in [0, 2^64).
        overrides: What some variables get instead; the first key that fits counts. A key is a name or a pattern of
            names ("*/embeddings"; or the name of a gate), a type of layer (its weights; its biases get `bias`), or a
            function of (name, variable). A value is an initializer; a mapping of arguments of `fanin.init`, such as
            {"initialization": "he", "layout": "OI"}; or None, which leaves the variable as it is.
        dry_run: Whether to print the table of what would be done instead, and change nothing.

    Returns:
        The model itself.

    Raises:
        FaninTypeError: It is neither a model nor a layer, or an argument has the wrong type.
        FaninValueError: The model is not built, a variable is not known, an override has no effect, a scheme is another
            model's, or `fanin.init` would reject an argument. Nothing is then changed.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dense(2)])
        >>> model.build((None, 3))
        >>> _ = init_model_(model, "he", seed=1, overrides={"dense_1/kernel": "orthogonal"}, dry_run=True)
        name                                 shape  dtype    law                                   layout
        dense/kernel                         3 x 4  float32  N(0, 0.816497^2)                      IO
        dense/bias                           4      float32  every weight is 0                     O
        batch_normalization/gamma            4      float32  every weight is 1
        batch_normalization/beta             4      float32  every weight is 0
        batch_normalization/moving_mean      4      float32  every weight is 0
        batch_normalization/moving_variance  4      float32  every weight is 1
        dense_1/kernel                       4 x 2  float32  Q, Q orthogonal, one matrix of 2 x 4  IO
        dense_1/bias                         2      float32  every weight is 0                     O
    """
    seed_words(seed)
    variables = named_variables(model)
    if isinstance(initialization, Scheme):
        if overrides is not None or bias is not None:
            raise FaninTypeError(
                "a scheme says what each variable gets, so it takes no overrides or bias. Received: both. Change the "
                "scheme: fanin.Scheme({**scheme, name: fanin.Parameter(...)})."
            )
        scheme = initialization
    else:
        bias_law = None if bias is None else get_initializer(bias)
        law = OneLaw(get_initializer(initialization), bias_law, Overrides(overrides))
        scheme = one_law_scheme(variables, law)
    checked = check(variables, scheme, seed)
    if dry_run:
        sys.stdout.write(f"{scheme}\n")
    else:
        write(variables, checked, seed)
    return model
