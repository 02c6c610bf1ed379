"""Models of the libraries whose models are made of layers: torch.nn, Flax, Equinox and Keras; no download."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from torch import nn

__all__ = ["Built", "equinox_models", "flax_models", "keras_models", "torch_models"]


class Built(NamedTuple):
    """A model's name, and what builds it: whatever `fanin.audit` reads."""

    name: str
    build: Callable[[], Any]


def torch_models() -> Iterator[Built]:
    """Yield the stacks and layers of torch.nn that have weights."""
    made: dict[str, Callable[[], nn.Module]] = {
        "Transformer": lambda: nn.Transformer(64, 4, 3, 3, 256),
        "TransformerEncoder": lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(64, 4, 256, batch_first=True), 4, enable_nested_tensor=False
        ),
        "TransformerDecoder": lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(64, 4, 256), 4),
        "MultiheadAttention": lambda: nn.MultiheadAttention(96, 4, kdim=64, vdim=64),
        "LSTM": lambda: nn.LSTM(48, 96, num_layers=3, bidirectional=True),
        "GRU": lambda: nn.GRU(48, 96, num_layers=3),
        "RNN": lambda: nn.RNN(48, 96, num_layers=3),
        "Embedding": lambda: nn.ModuleDict({"embedding": nn.Embedding(200, 64, padding_idx=0)}),
        "EmbeddingBag": lambda: nn.EmbeddingBag(200, 64),
        "Bilinear": lambda: nn.Bilinear(24, 32, 40),
        "AdaptiveLogSoftmax": lambda: nn.AdaptiveLogSoftmaxWithLoss(64, 200, [40, 120]),
        "MLP": lambda: nn.Sequential(nn.Linear(96, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 48)),
        "CNN": lambda: nn.Sequential(
            nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 96, 3), nn.ReLU(), nn.Conv2d(96, 64, 1)
        ),
        "ConvTranspose": lambda: nn.Sequential(
            nn.ConvTranspose2d(64, 32, 4, 2), nn.ReLU(), nn.ConvTranspose1d(8, 4, 3)
        ),
        "PReLU": lambda: nn.Sequential(nn.Linear(96, 128), nn.PReLU(128), nn.GroupNorm(4, 128), nn.RMSNorm(128)),
    }
    for name, build in made.items():
        yield Built(f"torch.nn:{name}", build)


def flax_models() -> Iterator[Built]:
    """Yield the layers of Flax, Linen and NNX, with their defaults."""
    import jax
    from flax import linen, nnx

    key = jax.random.key(0)
    picture, text = jax.numpy.ones((1, 16, 16, 8)), jax.numpy.ones((1, 12, 64))
    inputs: dict[str, tuple[Any, Any]] = {
        "Dense": (linen.Dense(128), text),
        "DenseGeneral": (linen.DenseGeneral((4, 32)), text),
        "Conv": (linen.Conv(48, (3, 3)), picture),
        "ConvTranspose": (linen.ConvTranspose(48, (3, 3)), picture),
        "ConvLocal": (linen.ConvLocal(16, (3, 3)), picture),
        "Embed": (linen.Embed(300, 64), jax.numpy.ones((1, 4), "int32")),
        "MultiHeadDotProductAttention": (linen.MultiHeadDotProductAttention(4), text),
        "LSTM": (linen.RNN(linen.LSTMCell(96)), text),
        "GRU": (linen.RNN(linen.GRUCell(96)), text),
        "BatchNorm": (linen.BatchNorm(use_running_average=True), picture),
        "LayerNorm": (linen.LayerNorm(), text),
        "GroupNorm": (linen.GroupNorm(4), picture),
        "MLP": (linen.Sequential([linen.Dense(128), linen.relu, linen.Dense(128), linen.relu, linen.Dense(64)]), text),
    }
    for name, (layer, given) in inputs.items():
        yield Built(f"flax.linen:{name}", partial(layer.init, key, given))
    made: dict[str, Callable[[], Any]] = {
        "Linear": lambda: nnx.Linear(64, 128, rngs=nnx.Rngs(0)),
        "Conv": lambda: nnx.Conv(8, 48, (3, 3), rngs=nnx.Rngs(0)),
        "Embed": lambda: nnx.Embed(300, 64, rngs=nnx.Rngs(0)),
        "MultiHeadAttention": lambda: nnx.MultiHeadAttention(4, 64, decode=False, rngs=nnx.Rngs(0)),
        "LSTM": lambda: nnx.LSTMCell(64, 96, rngs=nnx.Rngs(0)),
        "OptimizedLSTM": lambda: nnx.OptimizedLSTMCell(64, 96, rngs=nnx.Rngs(0)),
        "GRU": lambda: nnx.GRUCell(64, 96, rngs=nnx.Rngs(0)),
        "LoRA": lambda: nnx.LoRA(64, 8, 96, rngs=nnx.Rngs(0)),
        "BatchNorm": lambda: nnx.BatchNorm(64, rngs=nnx.Rngs(0)),
    }
    for name, build in made.items():
        yield Built(f"flax.nnx:{name}", partial(_state, build))


def _state(build: Callable[[], Any]) -> Any:
    """Return a module's variables, without its streams of random numbers."""
    from flax import nnx

    return nnx.to_pure_dict(nnx.state(build(), nnx.filterlib.Not(nnx.RngState)))


def equinox_models() -> Iterator[Built]:
    """Yield the layers of Equinox that have weights."""
    import equinox
    import jax

    key = jax.random.key(0)
    made: dict[str, Callable[[], Any]] = {
        "Linear": lambda: equinox.nn.Linear(64, 128, key=key),
        "MLP": lambda: equinox.nn.MLP(64, 32, 128, 3, key=key),
        "Conv2d": lambda: equinox.nn.Conv2d(8, 48, 3, key=key),
        "ConvTranspose2d": lambda: equinox.nn.ConvTranspose2d(16, 24, 3, key=key),
        "Embedding": lambda: equinox.nn.Embedding(300, 64, key=key),
        "MultiheadAttention": lambda: equinox.nn.MultiheadAttention(4, 64, key=key),
        "LSTMCell": lambda: equinox.nn.LSTMCell(64, 96, key=key),
        "GRUCell": lambda: equinox.nn.GRUCell(64, 96, key=key),
        "LayerNorm": lambda: equinox.nn.LayerNorm(64),
    }
    for name, build in made.items():
        yield Built(f"equinox:{name}", build)


KERAS: Final[str] = (
    "ConvNeXtTiny DenseNet121 DenseNet169 DenseNet201 EfficientNetB0 EfficientNetB3 EfficientNetV2B0 EfficientNetV2S "
    "InceptionResNetV2 InceptionV3 MobileNet MobileNetV2 MobileNetV3Large MobileNetV3Small NASNetMobile ResNet50 "
    "ResNet50V2 ResNet101 Xception VGG16"
)
"""Of each family one or more."""


def keras_models() -> Iterator[Built]:
    """Yield models of keras.applications, and layers, without trained weights."""
    import keras

    for name in KERAS.split():
        yield Built(f"keras.applications:{name}", partial(_application, name))
    layers: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
        "Dense": (lambda: keras.layers.Dense(128), (None, 64)),  # type: ignore[dict-item]
        "LSTM": (lambda: keras.layers.LSTM(96), (1, 12, 64)),
        "GRU": (lambda: keras.layers.GRU(96), (1, 12, 64)),
        "Embedding": (lambda: keras.layers.Embedding(300, 64), (1, 12)),
        "DepthwiseConv2D": (lambda: keras.layers.DepthwiseConv2D(3), (1, 16, 16, 64)),
        "SeparableConv2D": (lambda: keras.layers.SeparableConv2D(48, 3), (1, 16, 16, 64)),
        "Conv2DTranspose": (lambda: keras.layers.Conv2DTranspose(48, 3), (1, 16, 16, 64)),
        "EinsumDense": (lambda: keras.layers.EinsumDense("abc,cde->abde", (None, 4, 32)), (1, 12, 64)),
        "SpectralNormalization": (
            lambda: keras.layers.SpectralNormalization(keras.layers.Dense(128)),
            (1, 64),
        ),
        "BatchNormalization": (lambda: keras.layers.BatchNormalization(), (1, 64)),
    }
    for name, (make, shape) in layers.items():
        yield Built(f"keras.layers:{name}", partial(_layer, make, shape))
    yield Built("keras.layers:MultiHeadAttention", _attention)


def _application(name: str) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    return getattr(keras.applications, name)(weights=None)


def _layer(make: Callable[[], Any], shape: tuple[int, ...]) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    layer = make()
    layer.build(shape)
    return layer


def _attention() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    layer = keras.layers.MultiHeadAttention(4, 16)
    layer.build((1, 12, 64), (1, 12, 64))
    return layer
