"""The initializers that a layer gives to its variables: the layer is made once more, without weights."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras.src.backend.common import global_state

from fanin_keras._names import own_variables, shape_of

__all__ = ["rebuilt_initializers"]


def rebuilt_initializers(layer: Any) -> list[Any] | None:
    """Return the initializers of a layer's own variables, in their order; None if the layer cannot be made again.

    A second layer is made from the first one's configuration and built on its input's shape, in a scope where Keras
    makes variables without values, which keep their initializers.
    """
    try:
        with _without_traces(), keras.StatelessScope(initialize_variables=False):
            again = type(layer).from_config(layer.get_config())
            if not again.built:
                again.build_from_config(layer.get_build_config())
    except Exception:  # a constructor of the user's may raise anything
        return None
    made, own = own_variables(again), own_variables(layer)
    facts = [[(shape_of(one), one.trainable, one.name.rpartition("_")[0]) for one in many] for many in (made, own)]
    return [one._initializer for one in made] if facts[0] == facts[1] else None


@contextmanager
def _without_traces() -> Iterator[None]:
    """Set back what making a layer changes: Keras's counters of names, seeds, and variables that wait for values."""
    state, names = random.getstate(), copy.copy(global_state.get_global_attribute("object_name_uids"))
    waiting = global_state.get_global_attribute("uninitialized_variables")
    global_state.set_global_attribute("uninitialized_variables", [])
    try:
        yield
    finally:
        random.setstate(state)
        global_state.set_global_attribute("object_name_uids", names)
        global_state.set_global_attribute("uninitialized_variables", waiting)
