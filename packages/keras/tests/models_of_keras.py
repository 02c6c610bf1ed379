"""Models that several tests build."""

from __future__ import annotations

import hashlib
from typing import Any

import keras
import numpy as np
from keras import layers


def vision(**settings: Any) -> Any:
    """A convolution, normalization, attention and a recurrent layer, one after another; no layer has a name."""
    image = keras.Input((8, 8, 4))
    hidden = layers.Conv2D(6, 3, groups=2)(image)
    hidden = layers.DepthwiseConv2D(3, depth_multiplier=2)(hidden)
    hidden = layers.BatchNormalization()(hidden)
    hidden = layers.Conv2DTranspose(5, (2, 3), strides=2, kernel_initializer="orthogonal")(hidden)
    hidden = layers.Reshape((-1, 5))(hidden)
    hidden = layers.MultiHeadAttention(2, 3, dropout=0.1, seed=7)(hidden, hidden)
    hidden = layers.Bidirectional(layers.LSTM(3))(hidden)
    hidden = layers.Dense(4, kernel_initializer="he_normal")(hidden)
    return keras.Model(image, layers.Dense(4)(hidden), **settings)


def text() -> Any:
    """An embedding, a recurrent layer whose gates are packed, and a layer of zeros."""
    words = keras.Input((5,), dtype="int32")
    hidden = layers.Embedding(20, 6)(words)
    hidden = layers.GRU(3)(hidden)
    return keras.Model(words, layers.Dense(2, kernel_initializer="zeros")(hidden))


def arrays(model: Any) -> list[Any]:
    return [numpy(variable) for variable in model.weights]


def numpy(tensor: Any) -> Any:
    """A copy of a variable or of a tensor."""
    return np.array(keras.ops.convert_to_numpy(getattr(tensor, "value", tensor)))


def digest(weights: list[Any]) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in weights)).hexdigest()


def same(first: list[Any], second: list[Any]) -> bool:
    return len(first) == len(second) and all(map(np.array_equal, first, second))
