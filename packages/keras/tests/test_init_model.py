"""Whole models: by a scheme, by one law, and what is refused."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from models_of_keras import arrays, digest, numpy, same, text, vision

import fanin
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.models import Parameter
from fanin_keras import init_model_, record

DIGEST = "ca85a24a30c21e7c3df7ff1d5af4d24f25eec264b661bee3383849bead1a1214"
"""SHA-256 of the weights of `vision`, seed 0. It is the same on each of Keras's backends."""
"""SHA-256 of the weights of `vision`, seed 0. It is the same on each of Keras's backends."""


def test_two_builds_have_equal_schemes_and_equal_bits(tmp_path: Path) -> None:
    first, second = vision(), vision(name="another")
    scheme = record(first)
    assert record(second) == scheme
    assert fanin.Scheme.from_json(scheme.to_json()) == scheme
    init_model_(first, scheme, seed=3)
    init_model_(second, scheme, seed=3)
    assert same(arrays(first), arrays(second))
    drawn = scheme.draw(seed=3)
    assert same(arrays(first), [drawn[name] for name in scheme])
    first.save(tmp_path / "model.keras")
    assert record(keras.models.load_model(tmp_path / "model.keras")) == scheme
    assert not same(arrays(first), arrays(init_model_(second, scheme, seed=4)))


def test_the_digest_is_the_same_on_every_backend() -> None:
    """Without the orthogonal kernels, whose last bits may differ between processors."""
    model = vision()
    scheme = record(model)
    init_model_(model, scheme, seed=0)
    exact = [
        array
        for name, array in zip(scheme, arrays(model), strict=True)
        if scheme[name].initializer is None or "orthogonal" not in str(scheme[name].initializer).lower()
    ]
    assert len(exact) == len(scheme) - 3
    assert digest(exact) == DIGEST


def test_names() -> None:
    assert list(record(vision()))[:4] == [
        "conv2d/kernel",
        "conv2d/bias",
        "depthwise_conv2d/kernel",
        "depthwise_conv2d/bias",
    ]
    nested = keras.Sequential([layers.Dense(3), layers.Dense(3), layers.PReLU(name="dense_1"), head(), head()])
    nested.build((None, 3))
    assert list(record(nested)) == [
        *("dense/kernel", "dense/bias", "dense_2/kernel", "dense_2/bias", "dense_1/alpha"),
        *("sequential/dense/kernel", "sequential/dense/bias"),
        *("sequential_1/dense/kernel", "sequential_1/dense/bias"),
    ]


def head() -> Any:
    return keras.Sequential([layers.Dense(3)])


class Shares(keras.Model):  # type: ignore[misc]
    """A layer that is used twice, a list of layers, variables without names, and one that is a plain attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.first = layers.Dense(3)
        self.blocks = [layers.Dense(3), self.first, layers.Dense(3)]
        self.scale = self.add_weight(shape=(3,), initializer="ones", name="scale")
        self.other = self.add_weight(shape=(3,), initializer=keras.initializers.RandomNormal(0.0, 0.5))
        self.table = keras.Variable(np.arange(3.0, dtype="float32"))

    def call(self, inputs: Any) -> Any:
        hidden = self.first(inputs) * self.scale + self.other + self.table
        for block in self.blocks:
            hidden = block(hidden)
        return hidden


def test_a_model_by_subclassing() -> None:
    model = Shares()
    model(np.ones((1, 3), "float32"))
    scheme = record(model)
    assert list(scheme) == [
        *("scale", "variable", "variable_1", "dense/kernel", "dense/bias"),
        *("dense_1/kernel", "dense_1/bias", "dense_2/kernel", "dense_2/bias"),
    ]
    unknown = "unknown: Shares has no attribute scale_initializer, and cannot be made again"  # for its table
    assert scheme["scale"].note == unknown
    before = arrays(model)
    init_model_(model, scheme, seed=1)
    after = arrays(model)
    assert same(before[:3], after[:3])
    assert not np.array_equal(before[3], after[3])


CONFIGS = {
    "callable": (lambda shape, dtype=None: keras.ops.ones(shape, dtype), "unknown: <lambda> is no initializer"),
    "array": (np.ones((3, 4), "float32"), "unknown: .*initialize_fn is no initializer"),
    "constant array": (
        keras.initializers.Constant(np.ones((3, 4), "float32")),
        r"(?s)unknown: constant of .* is no law",
    ),
    "without spread": (keras.initializers.RandomNormal(stddev=0.0), "unknown: random_normal of .* is no law"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_what_is_no_law_has_a_note(case: str) -> None:
    initializer, note = CONFIGS[case]
    layer = layers.Dense(4, kernel_initializer=initializer)
    layer.build((1, 3))
    parameter = record(layer)["kernel"]
    assert parameter.initializer is None
    assert parameter.note is not None
    assert re.match(note, parameter.note), parameter.note


class Louder(keras.initializers.HeNormal):  # type: ignore[misc]
    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return 10 * super().__call__(shape, dtype)


class Quiet(keras.initializers.HeNormal):  # type: ignore[misc]
    """Another name for the same law."""


def test_a_subclass_with_its_own_call_is_no_law() -> None:
    for kind, is_law in ((Louder, False), (Quiet, True)):
        layer = layers.Dense(4, kernel_initializer=kind())
        layer.build((1, 3))
        assert (record(layer)["kernel"].initializer is not None) is is_law


def test_one_law() -> None:
    model = init_model_(vision(), "he", seed=2, bias=fanin.normal(std=0.1))
    scheme = record(model)
    for name, array in zip(scheme, arrays(model), strict=True):
        if name.endswith("gamma") or "moving_variance" in name:
            assert np.all(array == 1), name
    kernel = fanin.init((3, 3, 6, 2), "he", layout="HWOO", groups=6, seed=2, name="depthwise_conv2d/kernel")
    assert np.array_equal(arrays(model)[2], kernel)
    gate = fanin.init((5, 3), "he", layout="IO", seed=2, name="bidirectional/forward_lstm/lstm_cell/kernel.f")
    packed = arrays(model)[list(scheme).index("bidirectional/forward_lstm/lstm_cell/kernel")]
    assert np.array_equal(packed[:, 3:6], gate)
    bias = fanin.init((4,), fanin.normal(std=0.1), layout="O", seed=2, name="dense_1/bias")
    assert np.array_equal(arrays(model)[-1], bias)


def test_overrides(capsys: pytest.CaptureFixture[str]) -> None:
    overrides: dict[Any, Any] = {
        "gru/*/recurrent_kernel.z": "ones",
        "gru/*/recurrent_kernel*": "orthogonal",
        layers.Embedding: fanin.normal(std=0.02),
        lambda name, variable: name == "dense/kernel": {"initialization": "he", "layout": "OI"},
    }
    model = text()
    before = arrays(model)
    with pytest.warns(UserWarning, match="dense/kernel"):
        init_model_(model, "he", seed=1, overrides=overrides, dry_run=True)
    assert same(before, arrays(model))
    lines = capsys.readouterr().out.splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "name shape dtype law layout stream",
        "embedding/embeddings 20 x 6 float32 N(0, 0.02^2)",
        "gru/gru_cell/kernel 6 x 9 float32 3 parts",
        *(
            f"gru/gru_cell/kernel[:, {3 * k}:{3 * k + 3}] 6 x 3 float32 N(0, 0.57735^2) IO gru/gru_cell/kernel.{gate}"
            for k, gate in enumerate("zrh")
        ),
        "gru/gru_cell/recurrent_kernel 3 x 9 float32 3 parts",
        "gru/gru_cell/recurrent_kernel[:, 0:3] 3 x 3 float32 every weight is 1 IO",
        *(
            f"gru/gru_cell/recurrent_kernel[:, {3 * k}:{3 * k + 3}] 3 x 3 float32 Q, Q orthogonal, one matrix of 3 x 3 "
            f"IO gru/gru_cell/recurrent_kernel.{gate}"
            for k, gate in ((1, "r"), (2, "h"))
        ),
        "gru/gru_cell/bias 2 x 9 float32 every weight is 0",
        "dense/kernel 3 x 2 float32 N(0, 1^2) OI",
        "dense/bias 2 float32 every weight is 0 O",
    ]


def test_an_override_of_one_gate_leaves_the_other_biases_to_bias() -> None:
    layer = layers.LSTM(2)
    layer.build((1, 4, 3))
    init_model_(layer, "he", bias=fanin.constant(0.5), overrides={"*/bias.c": "ones"})
    assert arrays(layer)[2].tolist() == [0.5, 0.5, 0.5, 0.5, 1, 1, 0.5, 0.5]


def test_what_an_override_leaves() -> None:
    model = init_model_(text(), "he", overrides={"*/embeddings": "random", "dense/kernel": "ones"})
    before = dict(zip(record(model), arrays(model), strict=True))
    overrides = {"*/embeddings": None, "gru/*/kernel.r": None, layers.Dense: None}
    after = dict(zip(before, arrays(init_model_(model, "he", seed=5, overrides=overrides)), strict=True))
    assert np.array_equal(before["embedding/embeddings"], after["embedding/embeddings"])
    assert np.array_equal(before["dense/kernel"], after["dense/kernel"])
    changed = before["gru/gru_cell/kernel"] != after["gru/gru_cell/kernel"]
    assert changed.all(axis=0).tolist() == [*[True] * 3, *[False] * 3, *[True] * 3]


def test_a_kernel_of_constants_is_overwritten_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="overwrites weights.*dense/kernel .*overrides="):
        init_model_(text(), "he", overrides={"*/embeddings": "random"})


EMBEDDING = {"*/embeddings": "random", "dense/kernel": "he"}
KNOWN = Parameter((3, 2), "float32", fanin.zeros())
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no override": ({}, FaninValueError, r"no initializer is known.*embedding/embeddings \(20, 6\) of Embedding.*Pass"),
    "idle": (
        {"overrides": {**EMBEDDING, "densee/kernel": "he"}},
        FaninValueError,
        "no effect: 'densee/kernel' matches",
    ),
    "hidden": (
        {"overrides": {"*": None, "dense/kernel": "he"}},
        FaninValueError,
        r"matches dense/kernel, but '\*' matches it earlier",
    ),
    "type": ({"overrides": {int: "he"}}, FaninTypeError, "a key of overrides must be"),
    "no mapping": ({"overrides": ["he"]}, FaninTypeError, "overrides must be a mapping"),
    "argument": ({"overrides": {"*": {"law": "he"}}}, FaninValueError, "unknown argument 'law'"),
    "fans": ({"overrides": {**EMBEDDING, "gru/*/bias": "he"}}, FaninValueError, "gru/gru_cell/bias.*, from overrides"),
    "late": ({"overrides": {**EMBEDDING}, "bias": "he"}, FaninValueError, "/bias, from bias"),
    "seed": ({"overrides": EMBEDDING, "seed": 2**64}, FaninValueError, "seed"),
    "initialization": ({"initialization": 3}, FaninTypeError, "initialization must be"),
    "scheme and law": ({"initialization": fanin.Scheme({}), "bias": "zeros"}, FaninTypeError, "takes no overrides"),
    "another scheme": (
        {
            "initialization": fanin.Scheme(
                {"dense/kernel": KNOWN, "dense/biass": Parameter((2,), "float32", fanin.ones())}
            )
        },
        FaninValueError,
        r"not that of this model: .*dense/bias is not in the scheme \(which has dense/biass\).*scheme.rename",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_changes_nothing(case: str) -> None:
    settings, error, message = BAD[case]
    model = text()
    before = arrays(model)
    with pytest.raises(error, match=message):
        init_model_(model, **settings)
    assert same(before, arrays(model))


def test_a_scheme_that_cannot_be_drawn_changes_nothing() -> None:
    model = text()
    before, scheme = arrays(model), record(model)
    wrong = fanin.Scheme({**scheme, "dense/bias": Parameter((2,), "float32", fanin.he_normal())})
    with pytest.raises(FaninValueError, match="dense/bias: this initializer needs the fan-in"):
        init_model_(model, wrong)
    longer = fanin.Scheme({**scheme, "more": KNOWN})
    with pytest.raises(FaninValueError, match=r"the scheme's more is not in the model"):
        init_model_(model, longer)
    shaped = fanin.Scheme({**scheme, "dense/bias": Parameter((3,), "float32", fanin.zeros())})
    with pytest.raises(FaninValueError, match=r"dense/bias has shape \(2,\), and \(3,\) in the scheme"):
        init_model_(model, shaped)
    assert same(before, arrays(model))


def test_what_is_no_model() -> None:
    with pytest.raises(FaninTypeError, match=r"a keras.Model or a keras.layers.Layer is needed. Received: list"):
        record([])
    with pytest.raises(FaninValueError, match=r"before it is built.*Call model.build"):
        init_model_(keras.Sequential([layers.Dense(3)]), "he")


def test_optimizer_and_seeds_stay() -> None:
    model = vision()
    model.compile("adam", "mse")
    model.fit(np.ones((4, 8, 8, 4), "float32"), np.ones((4, 4), "float32"), verbose=0)
    others = [one for one in model.variables if id(one) not in {id(weight) for weight in model.weights}]
    assert any("seed" in one.path for one in others)
    state = [*model.optimizer.variables, *others]
    before = [numpy(one) for one in state]
    init_model_(model, record(model), seed=1)
    assert same(before, [numpy(one) for one in state])


def test_mixed_precision_and_integers() -> None:
    model = keras.Sequential([layers.Normalization(), layers.Dense(4, dtype="bfloat16"), layers.Dense(4)])
    model.build((None, 3))
    model.layers[0].adapt(np.arange(12.0).reshape(4, 3))
    before = arrays(model)[:3]
    scheme = record(model)
    init_model_(model, scheme, seed=1)
    assert same(before, arrays(model)[:3])
    kernel = numpy(keras.ops.cast(model.layers[1].kernel, "float32"))
    assert np.array_equal(kernel, drawn(scheme, "dense/kernel"))


def drawn(scheme: fanin.Scheme, name: str) -> Any:
    return fanin.Scheme({name: scheme[name]}).draw(seed=1)[name].astype("float32")


class Mixes(layers.Layer):  # type: ignore[misc]
    """A layer of a user's: no attribute holds an initializer."""

    def __init__(self, units: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.units = units
        self.inner = layers.Dense(units)
        self.gate = self.add_weight(shape=(units,), initializer=keras.initializers.Constant(-2.0), name="gate")

    def build(self, input_shape: Any) -> None:
        self.mix = self.add_weight(shape=(5, input_shape[-1], self.units), initializer="he_uniform", name="mix")
        self.free = self.add_weight(shape=(self.units,), initializer=lambda shape, dtype=None: keras.ops.ones(shape))
        self.inner.build(input_shape)

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs) * keras.ops.sigmoid(self.gate) + keras.ops.matmul(inputs, self.mix[0]) + self.free

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def test_a_layer_that_holds_no_initializers_is_made_again() -> None:
    layer = Mixes(4)
    layer(np.ones((2, 3), "float32"))
    next_name, state = layers.Dense(1).name, random.getstate()
    scheme = record(layer)
    assert random.getstate() == state
    assert layers.Dense(1).name == f"dense_{int(next_name.rpartition('_')[2] or 0) + 1}"
    assert str(scheme["gate"].initializer) == "Constant(value=-2.0)"
    bound = (6 / (5 * 3)) ** 0.5  # fan_in as Keras counts it: the leading axis is a receptive field
    drawn = scheme.only_laws().draw()["mix"]
    assert bound * 0.8 < np.abs(drawn).max() < bound
    assert scheme["variable"].note is not None
    assert scheme["variable"].note.startswith("unknown: ")
    assert list(scheme) == ["gate", "mix", "variable", "dense/kernel", "dense/bias"]


def test_adapters_and_quantised_weights() -> None:
    model = keras.Sequential([layers.Dense(8), layers.Dense(4)])
    model.build((None, 16))
    model.layers[0].enable_lora(2)
    model.layers[1].quantize("int8")
    scheme = record(model)
    notes = {name: parameter.note for name, parameter in scheme.items() if parameter.note}
    assert set(notes) == {"dense/lora_kernel_a", "dense/lora_kernel_b", "dense_1/kernel", "dense_1/kernel_scale"}
    before = arrays(model)
    init_model_(model, scheme, seed=1)
    for name, old, new in zip(scheme, before, arrays(model), strict=True):
        assert np.array_equal(old, new) is (name in notes or name.endswith("bias")), name
    with pytest.raises(FaninValueError, match=r"dense_1/kernel is quantised: int8.*then quantise"):
        init_model_(model, "he", overrides={"*lora*": None})
