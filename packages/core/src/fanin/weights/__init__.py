"""Weights of a model from wherever they are, as named tensors that are read by slices: one way for all formats.

Each format has a module. None imports its library before a source of its kind is read.
"""

from __future__ import annotations

from fanin.weights.numbers import float32_of
from fanin.weights.source import open_weights
from fanin.weights.tensor import Tensor, Weights

__all__ = ["Tensor", "Weights", "float32_of", "open_weights"]
