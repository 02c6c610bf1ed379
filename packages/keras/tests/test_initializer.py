"""The initializer in layers: its bits, its name, its axes, and how it is saved."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from models_of_keras import arrays, numpy, same

import fanin
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin_keras import Initializer, init_model_, record


def expected(shape: tuple[int, ...], name: str, law: Any = "he", **settings: Any) -> Any:
    return fanin.init(shape, law, name=name, backend="numpy", **settings)


LAYERS: dict[str, tuple[Any, tuple[int, ...], str, dict[str, Any]]] = {
    "dense": (lambda i: layers.Dense(5, kernel_initializer=i, name="x"), (2, 3), "x/kernel", {"layout": "IO"}),
    "convolution": (
        lambda i: layers.Conv2D(6, (2, 3), groups=2, kernel_initializer=i, name="x"),
        (1, 5, 5, 4),
        "x/kernel",
        {"layout": "HWIO", "groups": 2},
    ),
    "transposed": (
        lambda i: layers.Conv2DTranspose(6, (2, 3), strides=(2, 1), kernel_initializer=i, name="x"),
        (1, 5, 5, 4),
        "x/kernel",
        {"layout": "HWOI", "transposed": True, "stride": (2, 1)},
    ),
    "depthwise": (
        lambda i: layers.DepthwiseConv1D(3, depth_multiplier=2, depthwise_initializer=i, name="x"),
        (1, 5, 4),
        "x/kernel",
        {"layout": "WOO", "groups": 4},
    ),
    "separable": (
        lambda i: layers.SeparableConv1D(7, 3, pointwise_initializer=i, name="x"),
        (1, 5, 4),
        "x/pointwise_kernel",
        {"layout": "WIO"},
    ),
    "einsum": (
        lambda i: layers.EinsumDense("abc,dec->abde", (None, 2, 3), kernel_initializer=i, name="x"),
        (1, 5, 4),
        "x/kernel",
        {"layout": "OOI"},
    ),
}


@pytest.mark.parametrize("case", LAYERS)
def test_the_layer_says_the_axes(case: str) -> None:
    make, shape, name, axes = LAYERS[case]
    layer = make(Initializer("he_uniform", seed=3))
    layer.build(shape)
    (variable,) = [one for one in layer.weights if one.path == name]
    assert np.array_equal(numpy(variable), expected(tuple(variable.shape), name, "he_uniform", seed=3, **axes))


def test_a_stated_layout_counts_more_than_the_layer() -> None:
    layer = layers.Dense(5, kernel_initializer=Initializer(layout="OI", name="w"), name="x")
    layer.build((1, 3))
    assert np.array_equal(numpy(layer.kernel), expected((3, 5), "w", layout="OI"))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_dtypes(dtype: str) -> None:
    layer = layers.Dense(5, kernel_initializer=Initializer("he"), name="x", dtype=dtype)
    layer.build((1, 3))
    assert keras.backend.standardize_dtype(layer.kernel.dtype) == dtype
    wanted = expected((3, 5), "x/kernel", layout="IO", dtype=dtype).astype("float32")
    assert np.array_equal(numpy(keras.ops.cast(layer.kernel, "float32")), wanted)


def test_without_a_layer_it_needs_a_name() -> None:
    assert np.array_equal(numpy(Initializer("he", 2, "a")((3, 4))), expected((3, 4), "a", seed=2, layout="IO"))
    assert numpy(Initializer("ones")((2,))).tolist() == [1, 1]
    with pytest.raises(FaninValueError, match=r"random weights need a name.*Received: .*shape \(3, 4\).*Pass one"):
        Initializer("he")((3, 4))


class Tower(layers.Layer):  # type: ignore[misc]
    """A layer without `build`: Keras makes the variables of those in it while it only follows shapes."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.up = layers.Conv2DTranspose(5, 3, kernel_initializer="fanin>Initializer", name="up")

    def call(self, image: Any) -> Any:
        return self.up(image)

    def build_in(self) -> None:
        self(np.ones((1, 4, 4, 2), "float32"))


def test_a_layer_that_keras_fills_later() -> None:
    tower = Tower(name="left")
    tower(np.ones((1, 4, 4, 2), "float32"))
    wanted = expected((3, 3, 5, 2), "left/up/kernel", layout="HWOI", transposed=True)
    assert np.array_equal(numpy(tower.up.kernel), wanted)


def test_paths_are_names() -> None:
    model = keras.Sequential(
        [layers.Dense(4, kernel_initializer=Initializer(), name=name) for name in ("one", "two")], name="net"
    )
    model.build((None, 4))
    first, second = numpy(model.layers[0].kernel), numpy(model.layers[1].kernel)
    assert not np.array_equal(first, second)
    assert np.array_equal(second, expected((4, 4), "net/two/kernel", layout="IO"))
    attention = layers.MultiHeadAttention(2, 3, kernel_initializer=Initializer(), name="attention")
    attention(np.ones((1, 2, 6), "float32"), np.ones((1, 2, 6), "float32"))
    assert not np.array_equal(numpy(attention.weights[0]), numpy(attention.weights[2]))


EVERY: dict[str, tuple[Any, tuple[int, ...]]] = {
    "ReversibleEmbedding": (
        lambda one: layers.ReversibleEmbedding(6, 6, tie_weights=False, embeddings_initializer=one, name="x"),
        (5,),
    ),
    "GRU": (
        lambda one: layers.GRU(6, kernel_initializer=one, recurrent_initializer=one, bias_initializer=one, name="x"),
        (5, 6),
    ),
    "SeparableConv1D": (
        lambda one: layers.SeparableConv1D(1, 1, depthwise_initializer=one, pointwise_initializer=one, name="x"),
        (5, 1),
    ),
    "BatchNormalization": (
        lambda one: layers.BatchNormalization(moving_mean_initializer=one, beta_initializer=one, renorm=True, name="x"),
        (5, 6),
    ),
}


@pytest.mark.parametrize("case", EVERY)
def test_one_initializer_for_all_variables_of_a_layer(case: str) -> None:
    make, shape = EVERY[case]
    layer = make(Initializer(fanin.normal(std=0.3)))
    layer(keras.Input(shape))
    firsts = [float(array.flat[0]) for array in arrays(layer)]
    random = [first for first in firsts if first not in (0, 1)]
    assert len(set(random)) == len(random) >= 2


def test_a_cell_has_its_own_name() -> None:
    layer = layers.LSTM(3, kernel_initializer=Initializer("he"), name="x")
    layer.build((1, 2, 5))
    assert np.array_equal(numpy(layer.cell.kernel), expected((5, 12), "x/lstm_cell/kernel", layout="IO"))


AUTOMATIC: dict[str, Any] = {
    "layer": lambda: layers.Dense(3, kernel_initializer=Initializer()).build((1, 3)),
    "model": lambda: keras.Sequential([layers.Dense(3, kernel_initializer=Initializer(), name="x")]).build((1, 3)),
    "wrapped": lambda: layers.Bidirectional(layers.LSTM(3, kernel_initializer=Initializer()), name="x").build(
        (1, 2, 3)
    ),
    "cell": lambda: layers.RNN(layers.LSTMCell(3, kernel_initializer=Initializer()), name="x").build((1, 2, 3)),
    "inside of a layer": lambda: Tower().build_in(),
    "variable": lambda: layers.Layer(name="x").add_weight(shape=(3,), initializer=Initializer("random")),
}


@pytest.mark.parametrize("case", AUTOMATIC)
def test_numbered_names_are_refused(case: str) -> None:
    with pytest.raises(FaninValueError, match=r"has no name of its own: Keras numbers .*Pass name= .*init_model_"):
        AUTOMATIC[case]()


SHARED: dict[str, tuple[Any, str]] = {
    "attention": (
        lambda: layers.MultiHeadAttention(2, 3, kernel_initializer=Initializer(name="a"), name="x").build(
            (1, 2, 3), (1, 2, 3)
        ),
        "x/key/kernel would get the weights of x/query/kernel",
    ),
    "kernel and recurrent kernel": (
        lambda: layers.SimpleRNNCell(
            3, kernel_initializer=Initializer(name="b"), recurrent_initializer=Initializer(name="b"), name="x"
        ).build((1, 3)),
        "x/recurrent_kernel would get the weights of x/kernel",
    ),
    "pieces": (
        lambda: layers.LSTMCell(3, bias_initializer=Initializer("random"), name="x").build((1, 3)),
        "its layer draws pieces of it.*shape \\(3,\\).*unit_forget_bias=False",
    ),
}


@pytest.mark.parametrize("case", SHARED)
def test_equal_weights_are_refused(case: str) -> None:
    make, message = SHARED[case]
    with pytest.raises(FaninValueError, match=message):
        make()


def test_another_build_of_the_model_has_the_same_streams() -> None:
    built = []
    for _ in range(2):
        layer = layers.Dense(4, kernel_initializer=Initializer(name="fc"))  # its own name is another each time
        layer.build((1, 4))
        built.append(layer)
    assert built[0].name != built[1].name
    assert same(arrays(built[0]), arrays(built[1]))


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"initialization": "hee"}, FaninValueError, "unknown initialization 'hee'"),
    ({"initialization": keras.initializers.Zeros()}, FaninTypeError, "must be a name or a fanin Initializer"),
    ({"seed": -1}, FaninValueError, "seed"),
    ({"seed": None}, FaninTypeError, "seed"),
    ({"name": 3}, FaninTypeError, "name must be text or None.*Received: 3"),
    ({"layout": "XY"}, FaninValueError, "unknown letter 'X'"),
    ({"groups": 2}, FaninValueError, "need a layout"),
    ({"layout": "IO", "stride": (1, 2)}, FaninValueError, "stride must be one number"),
]


@pytest.mark.parametrize(("settings", "error", "message"), REFUSED, ids=str)
def test_bad_settings(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Initializer(**settings)


def test_an_error_of_a_draw_names_the_variable() -> None:
    layer = layers.Embedding(5, 3, embeddings_initializer=Initializer("he"), name="words")
    with pytest.raises(FaninValueError, match="words/embeddings: this initializer needs the fan-in"):
        layer.build()


CONFIGURED = [
    Initializer(),
    Initializer("keras:glorot_uniform", seed=2**63, name="a/b"),
    Initializer(fanin.truncated_normal(std=0.02), layout="HWOI", transposed=True, stride=(2, 1), groups=2),
    Initializer(fanin.profile("keras:variance_scaling", scale=2.0, input_axes=[0], output_axes=[1])),
]


@pytest.mark.parametrize("initializer", CONFIGURED, ids=lambda one: str(one.law))
def test_configuration(initializer: Initializer) -> None:
    for again in (
        initializer.clone(),
        keras.initializers.deserialize(keras.initializers.serialize(initializer)),
        keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(initializer)),
    ):
        assert again.get_config() == initializer.get_config()
        assert again.law == initializer.law


def test_as_text() -> None:
    assert keras.initializers.get("fanin>Initializer").get_config() == Initializer().get_config()


def test_save_and_load(tmp_path: Path) -> None:
    model = keras.Sequential(
        [layers.Dense(4, kernel_initializer=Initializer(fanin.normal(std=0.3), seed=5), name="one"), layers.Dense(2)],
        name="net",
    )
    model.build((None, 3))
    init_model_(model, record(model), seed=5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert same(arrays(model), arrays(again))
    assert again.layers[0].kernel_initializer.get_config() == model.layers[0].kernel_initializer.get_config()
    assert record(again) == record(model)


def test_a_copy_draws_the_same() -> None:
    layer = layers.Dense(4, kernel_initializer=Initializer(), name="one")
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layer(inputs))
    copy = keras.models.clone_model(model)
    assert copy.layers[1] is not layer
    assert np.array_equal(numpy(copy.layers[1].kernel), numpy(layer.kernel))


def test_a_stated_name_is_the_stream_of_a_scheme() -> None:
    layer = layers.Dense(4, kernel_initializer=Initializer(seed=3, name="fc"))
    layer.build((1, 3))
    scheme = record(layer)
    assert scheme["kernel"].stream == "fc"
    assert np.array_equal(numpy(layer.kernel), scheme.draw(seed=3)["kernel"])


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="Keras distributes on JAX only")
def test_distributed() -> None:
    import jax

    mesh = keras.distribution.DeviceMesh((2, 2), ("batch", "model"), keras.distribution.list_devices()[:4])
    sharded = keras.distribution.LayoutMap(mesh)
    sharded["x/kernel"] = (None, "model")
    with keras.distribution.ModelParallel(layout_map=sharded, batch_dim_name="batch").scope():
        layer = layers.Dense(6, kernel_initializer=Initializer(seed=4), name="x")
        layer.build((1, 4))
    value = layer.kernel.value
    assert isinstance(value, jax.Array)
    assert {shard.data.shape for shard in value.addressable_shards} == {(4, 3)}
    assert np.array_equal(numpy(layer.kernel), expected((4, 6), "x/kernel", layout="IO", seed=4))


def test_the_message_of_a_numbered_name_is_one_sentence_of_each_kind() -> None:
    with pytest.raises(FaninValueError) as caught:
        AUTOMATIC["layer"]()
    assert re.fullmatch(r"the variable dense(_\d+)?/kernel has no name of its own: .*", str(caught.value))
