"""Weights of a model from wherever they are, as named tensors that are read by slices: one way for all formats.

Each format has a module. None imports its library before a source of its kind is read.
"""

from __future__ import annotations

from fanin.weights.libraries import library

library("numpy", "fanin.weights", '"fanin[numpy]"')

from fanin.weights.numbers import float32_of  # noqa: E402  # the error above is clearer than an import's
from fanin.weights.source import open_weights  # noqa: E402
from fanin.weights.tensor import Tensor, Weights  # noqa: E402

__all__ = ["Tensor", "Weights", "float32_of", "open_weights"]
