"""The fans of layers about which the initializers' documentation says nothing: what the layers get, in numbers."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from fanin.layout import Geometry

__all__ = ["LAYERS", "Layer"]


@dataclass(frozen=True)
class Layer:
    """A layer whose kernel the framework has initialised.

    Attributes:
        text: The layer and the initializer, as a user writes them.
        kernel: Builds the layer and returns its kernel.
        geometry: What the kernel's axes mean.
        variance: From fan-in and fan-out to the variance that the initializer's formula asks for.
    """

    text: str
    kernel: Callable[[], Any]
    geometry: Geometry
    variance: Callable[[float, float], float]

    def std(self) -> float:
        """Return the standard deviation of the kernel's weights."""
        return float(np.std(np.asarray(self.kernel(), np.float64)))

    def wanted(self) -> float:
        """Return the standard deviation with the fans of the specification, section 7."""
        fans = self.geometry.fans()
        return math.sqrt(self.variance(fans.fan_in, fans.fan_out))


def _he(fan_in: float, fan_out: float) -> float:
    return 2 / fan_in


def _he_out(fan_in: float, fan_out: float) -> float:
    return 2 / fan_out


def _glorot(fan_in: float, fan_out: float) -> float:
    return 2 / (fan_in + fan_out)


def _torch(make: Callable[[Any], Any], fill: Callable[[Any, Any], Any]) -> Any:
    import torch

    generator = torch.Generator().manual_seed(0)
    weight = make(torch.nn)
    fill(torch.nn.init, (weight, generator))
    return weight.detach().numpy()


def _torch_up() -> Any:
    return _torch(
        lambda nn: nn.ConvTranspose2d(96, 48, 4, stride=2).weight,
        lambda init, it: init.kaiming_normal_(it[0], nonlinearity="relu", generator=it[1]),
    )


def _torch_groups() -> Any:
    return _torch(
        lambda nn: nn.Conv2d(96, 96, 3, groups=8).weight,
        lambda init, it: init.kaiming_normal_(it[0], mode="fan_out", nonlinearity="relu", generator=it[1]),
    )


def _torch_packed() -> Any:
    return _torch(
        lambda nn: nn.MultiheadAttention(256, 8).in_proj_weight,
        lambda init, it: init.xavier_uniform_(it[0], generator=it[1]),
    )


def _flax(layer: Callable[[Any], Any]) -> Any:
    import flax.linen
    import jax

    made = layer(flax.linen)
    return made.init(jax.random.key(0), np.zeros((1, 8, 8, 96), np.float32))["params"]["kernel"]


def _flax_up(transpose_kernel: bool) -> Callable[[], Any]:
    def layer(nn: Any) -> Any:
        return nn.ConvTranspose(
            48, (4, 4), (2, 2), transpose_kernel=transpose_kernel, kernel_init=nn.initializers.he_normal()
        )

    return lambda: _flax(layer)


def _flax_groups() -> Any:
    def layer(nn: Any) -> Any:
        init = nn.initializers.variance_scaling(2.0, "fan_out", "normal")
        return nn.Conv(96, (3, 3), feature_group_count=8, kernel_init=init)

    return _flax(layer)


def _keras(layer: Callable[[Any], Any]) -> Any:
    os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras takes TensorFlow otherwise, which need not be there
    import keras

    made = layer(keras)
    made.build((None, 8, 8, 96))
    return keras.ops.convert_to_numpy(made.kernel.value)


def _keras_up() -> Any:
    return _keras(
        lambda keras: keras.layers.Conv2DTranspose(
            48, 4, strides=2, kernel_initializer=keras.initializers.HeNormal(seed=0)
        )
    )


def _keras_depthwise() -> Any:
    return _keras(
        lambda keras: keras.layers.DepthwiseConv2D(
            3, depth_multiplier=8, depthwise_initializer=keras.initializers.HeNormal(seed=0)
        )
    )


def _keras_groups() -> Any:
    def layer(keras: Any) -> Any:
        init = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=0)
        return keras.layers.Conv2D(96, 3, groups=8, kernel_initializer=init)

    return _keras(layer)


LAYERS: Final = (
    Layer(
        "torch ConvTranspose2d(96, 48, 4, stride=2), kaiming_normal_",
        _torch_up,
        Geometry.of((96, 48, 4, 4), "IOHW", 1, True, 2),
        _he,
    ),
    Layer(
        "flax ConvTranspose(48, (4, 4), (2, 2), transpose_kernel=True), he_normal",
        _flax_up(True),
        Geometry.of((4, 4, 48, 96), "HWOI", 1, True, 2),
        _he,
    ),
    Layer(
        "flax ConvTranspose(48, (4, 4), (2, 2)), he_normal",
        _flax_up(False),
        Geometry.of((4, 4, 96, 48), "HWIO", 1, True, 2),
        _he,
    ),
    Layer(
        "keras Conv2DTranspose(48, 4, strides=2), HeNormal",
        _keras_up,
        Geometry.of((4, 4, 48, 96), "HWOI", 1, True, 2),
        _he,
    ),
    Layer(
        "torch Conv2d(96, 96, 3, groups=8), kaiming_normal_(mode='fan_out')",
        _torch_groups,
        Geometry.of((96, 12, 3, 3), "OIHW", 8),
        _he_out,
    ),
    Layer(
        "flax Conv(96, (3, 3), feature_group_count=8), variance_scaling(2, 'fan_out', 'normal')",
        _flax_groups,
        Geometry.of((3, 3, 12, 96), "HWIO", 8),
        _he_out,
    ),
    Layer(
        "keras Conv2D(96, 3, groups=8), VarianceScaling(2, 'fan_out', 'untruncated_normal')",
        _keras_groups,
        Geometry.of((3, 3, 12, 96), "HWIO", 8),
        _he_out,
    ),
    Layer(
        "keras DepthwiseConv2D(3, depth_multiplier=8), HeNormal",
        _keras_depthwise,
        Geometry.of((3, 3, 1, 768), "HWIO", 96),
        _he,
    ),
    Layer(
        "torch MultiheadAttention(256, 8), xavier_uniform_ of the packed query, key and value",
        _torch_packed,
        Geometry.of((256, 256), "OI"),
        _glorot,
    ),
)
"""Layers with a fan that the framework's initializer counts in its own way."""
