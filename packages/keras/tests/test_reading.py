"""Reading a model's weights: under the names that its scheme has, whatever kind of model it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import keras
import numpy as np
import pytest
from keras import layers
from models_of_keras import numpy, same, text, vision

import fanin
from fanin.exceptions import FaninValueError
from fanin.weights import open_weights
from fanin_keras import init_model_, record


class Tower(keras.Model):  # type: ignore[misc]
    """A model by subclassing, with a model in it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.inner = keras.Sequential([layers.Dense(24, name="up"), layers.Dropout(0.1, seed=3), layers.Dense(8)])
        self.last = layers.Dense(10)

    def call(self, inputs: Any) -> Any:
        return self.last(self.inner(inputs))


def sequential(**settings: Any) -> Any:
    model = keras.Sequential([keras.Input((8,)), layers.Dense(64, name="d1"), layers.Dense(10, name="d2")], **settings)
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((4, 8), "float32"), np.ones((4, 10), "float32"), verbose=0)
    return model


def subclassed(**settings: Any) -> Any:
    model = Tower(**settings)
    model(np.ones((1, 8), "float32"))
    return model


def nested() -> Any:
    inputs = keras.Input((8,))
    inner = keras.Model(inputs, layers.Dense(8, name="d1")(inputs), name="inner")
    model = keras.Sequential([keras.Input((8,)), inner, keras.Sequential([layers.Dense(8)]), subclassed()])
    model.build((None, 8))
    return model


def single() -> Any:
    layer = layers.Dense(64)
    layer.build((None, 8))
    return layer


MODELS: Final[dict[str, Callable[[], Any]]] = {
    "sequential": sequential,
    "sequential, named": lambda: sequential(name="d1"),
    "subclassed": subclassed,
    "subclassed, named": lambda: subclassed(name="last"),
    "functional": vision,
    "functional, of integers": text,
    "nested": nested,
    "a layer": single,
    "a layer with layers": lambda: nested().layers[0],
}


@pytest.fixture(autouse=True)
def forget_other_models() -> None:
    """Keras initializes, with a model that is built, whatever variables others left to be initialized."""
    keras.utils.clear_session()


@pytest.mark.parametrize("case", MODELS)
def test_weights_have_the_names_of_the_scheme(case: str) -> None:
    model = MODELS[case]()
    scheme = record(model)
    init_model_(model, scheme, seed=4)
    weights = open_weights(model)
    assert list(weights) == list(scheme)
    named = {name: tensor.read() for name, tensor in weights.items()}
    drawn = scheme.draw(seed=4)
    assert all(np.array_equal(named[name], drawn[name]) for name, one in scheme.items() if one.note is None)
    assert same(sorted(named.values(), key=str), sorted(map(numpy, model.weights), key=str))
    assert fanin.audit(model, scheme, seed=4).findings == ()
    assert fanin.verify(fanin.lock(scheme, 4), model)
    assert not fanin.verify(fanin.lock(scheme, 5), model)


def test_another_build_has_the_same_names() -> None:
    first, second = sequential(), sequential(name="other")
    assert list(open_weights(first)) == list(open_weights(second))
    assert list(open_weights(text())) == list(open_weights(text()))


def test_what_is_not_built_has_no_weights() -> None:
    with pytest.raises(FaninValueError, match="has no variables yet"):
        open_weights(keras.Sequential([layers.Dense(3)]))
    with pytest.raises(FaninValueError, match="has no variables yet"):
        open_weights(layers.Flatten())
