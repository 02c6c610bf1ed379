"""What every layer of Keras draws from: against a table, and against the initializers that it really calls."""

from __future__ import annotations

import inspect
import re
from typing import Any

import keras
import numpy as np
import pytest
from built_layers import CASES, CELLS, OTHERS_CODE
from scipy.stats import ks_2samp

import fanin
from fanin.models import Parameter
from fanin_keras import record
from fanin_keras._names import named_variables

FALSE_FAIL_RATE = 1e-9
"""How often one comparison of right laws fails by chance."""

CLASSES = {
    name: value
    for name, value in vars(keras.layers).items()
    if inspect.isclass(value) and issubclass(value, keras.layers.Layer)
}


def adds_weights(kind: type[Any]) -> bool:
    own = [one for one in kind.__mro__ if one.__module__.startswith("keras.") and one is not keras.layers.Layer]
    sources = [inspect.getsource(one) for one in own if issubclass(one, keras.layers.Layer)]
    return any("self.add_weight(" in text or "self.add_variable(" in text for text in sources)


def test_every_layer_with_weights_is_in_the_table() -> None:
    assert len(CLASSES) > 100
    listed = {name.partition(",")[0] for name in CASES} | set(CELLS) | OTHERS_CODE
    known = {CLASSES[name] for name in listed}
    assert [name for name, kind in CLASSES.items() if adds_weights(kind) and kind not in known] == []


def rows(scheme: fanin.Scheme) -> dict[str, str]:
    """Each row of a scheme's table: name to layout and law."""
    lines = [re.split(r"  +", line.strip()) for line in str(scheme).splitlines()]
    heads = lines[0]
    found = {}
    for name, _, _, law, *rest in lines[1:]:
        layout = f"{rest[0]} " if rest and "layout" in heads else ""
        found[name] = f"{layout}{law}"
    return found


@pytest.mark.parametrize("name", CASES)
def test_laws(name: str) -> None:
    case = CASES[name]
    assert rows(record(case.build())) == case.laws


def captured(case: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, dict[int, Any]]:
    """Build a layer, and note the initializer of each variable, by the variable's identity."""
    found: dict[int, Any] = {}
    original = keras.layers.Layer.add_weight

    def add_weight(self: Any, *args: Any, **settings: Any) -> Any:
        variable = original(self, *args, **settings)
        found[id(variable)] = keras.initializers.get(settings.get("initializer", "glorot_uniform"))
        return variable

    monkeypatch.setattr(keras.layers.Layer, "add_weight", add_weight)
    return case.build(), found


def with_seed(initializer: Any, seed: int) -> Any:
    if isinstance(initializer, keras.initializers.Initializer) and "seed" in initializer.get_config():
        return type(initializer).from_config({**initializer.get_config(), "seed": seed})
    return initializer


def own_numbers(initializer: Any, parameter: Parameter, seed: int) -> Any:
    drawn = with_seed(initializer, seed)(parameter.shape, dtype=parameter.dtype)
    return np.asarray(keras.ops.convert_to_numpy(drawn), np.float64)


def numbers(parameter: Parameter, name: str, seed: int) -> Any:
    return fanin.Scheme({name: parameter}).draw(seed)[name].astype(np.float64)


@pytest.mark.parametrize("name", CASES)
def test_laws_are_those_of_the_initializers_that_are_called(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, initializers = captured(CASES[name], monkeypatch)
    by_name = {one.name: initializers[id(one.variable)] for one in named_variables(layer)}
    for path, parameter in record(layer).items():
        initializer = by_name[path]
        if not parameter.follows_laws:
            assert parameter.note
            continue
        if not parameter.is_random and not any(part.parameter.is_random for part in parameter.parts):
            np.testing.assert_array_equal(numbers(parameter, path, 0), own_numbers(initializer, parameter, 0))
        elif "Orthogonal" in type(initializer).__name__:
            ours, theirs = numbers(parameter, path, 0), own_numbers(initializer, parameter, 0)
            assert gram(ours) == pytest.approx(gram(theirs), abs=1e-4)
            assert not np.array_equal(ours, theirs)
        elif isinstance(initializer, keras.initializers.Initializer):
            count = -(-30_000 // parameter.size)
            ours = np.concatenate([numbers(parameter, path, seed).ravel() for seed in range(count)])
            theirs = np.concatenate([own_numbers(initializer, parameter, seed).ravel() for seed in range(count)])
            assert ks_2samp(ours, theirs, method="asymp").pvalue > FALSE_FAIL_RATE, path
            assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.3), path


def gram(weights: Any) -> Any:
    """The products of rows or of columns, whichever there are fewer of, of Keras's matrix."""
    matrix = weights.reshape(-1, weights.shape[-1])
    return matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
