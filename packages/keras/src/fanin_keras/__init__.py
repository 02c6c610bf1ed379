"""Keras models with the initial weights of fanin: the same bits on Keras's TensorFlow, JAX and torch backends.

`fanin_keras.Initializer` goes wherever a layer takes an initializer; `record` reads what a model's own initializers
draw from; `init_model_` draws a whole model.
"""

from __future__ import annotations

from fanin_keras._initializer import Initializer
from fanin_keras._model import init_model_
from fanin_keras._record import record

__version__ = "0.1.0"

__all__ = ["Initializer", "__version__", "init_model_", "record"]
