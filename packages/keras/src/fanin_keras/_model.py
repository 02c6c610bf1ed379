"""Whole models, in place: by a scheme, or by one law for all layers."""

from __future__ import annotations

from typing import Any, TypeVar

from fanin.models import Scheme
from fanin.stream.keys import seed_words
from fanin_keras._names import named_variables
from fanin_keras._write import write

_Model = TypeVar("_Model")


def init_model_(model: _Model, initialization: Any = "he", seed: int = 0) -> _Model:
    """Placeholder."""
    seed_words(seed)
    variables = named_variables(model)
    assert isinstance(initialization, Scheme)
    write(variables, initialization, seed)
    return model
