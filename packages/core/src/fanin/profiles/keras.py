"""The distributions of keras.initializers (keras 3.15), the same on each of Keras's backends.

On the torch backend, Keras draws four normals for a truncated weight and takes the first that is within the bounds, or
the first of all if none is, which happens to 4 weights in a million. The profiles do not reproduce that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, cast

from fanin._checks import closest
from fanin.exceptions import FaninValueError
from fanin.initializers import Constant, Distribution, Initializer, Mode, Normal, Uniform
from fanin.initializers.matrices import Identity
from fanin.profiles.matrices import UngroupedOrthogonal
from fanin.profiles.record import Recorder, parent_truncated
from fanin.profiles.scaling import FrameworkScaling, axes

__all__ = ["PROFILES"]

_keras: Final = Recorder("keras", "keras.initializers")
_Axes = Sequence[int] | None
_FANS: Final = (
    "The fans are counted for (*kernel, in, out): fan_out is not divided by the groups; Conv2DTranspose stores "
    "(*kernel, out, in), so its out-channels are taken for in-channels; DepthwiseConv2D stores (*kernel, in, "
    "multiplier), so its fan_in counts each channel (pass depthwise=True); and the first axis of an attention kernel "
    "(in, heads, size) counts as a receptive field, unless input_axes and output_axes are given, as EinsumDense and "
    "MultiHeadAttention do. They are positions in the stored tensor, and the other axes are then ignored."
)
_CORRECTED: Final = (
    "Truncated at 2 standard deviations of the parent, which are 2.274 of the weights; std is that of the weights."
)


def _scaling(
    scale: float, mode: Mode, distribution: Distribution, input_axes: _Axes, output_axes: _Axes, depthwise: bool
) -> FrameworkScaling:
    if (input_axes is None) != (output_axes is None):
        raise FaninValueError(
            f"Keras ignores input_axes without output_axes, and output_axes without input_axes. Received: "
            f"input_axes={input_axes}, output_axes={output_axes}. Pass both or neither."
        )
    return FrameworkScaling(
        scale,
        mode,
        distribution,
        "keras_depthwise" if depthwise else "keras",
        axes(input_axes, "input_axes"),
        axes(output_axes, "output_axes"),
        receptive_field=input_axes is None,
    )


@_keras.law_of("Zeros")
def zeros() -> Initializer:
    """Every weight is 0."""
    return Constant(0.0)


@_keras.law_of("Ones")
def ones() -> Initializer:
    """Every weight is 1."""
    return Constant(1.0)


@_keras.law_of("Constant")
def constant(value: float = 0.0) -> Initializer:
    """Every weight is value."""
    return Constant(value)


@_keras.law_of("RandomNormal", "normal")
def random_normal(mean: float = 0.0, stddev: float = 0.05) -> Initializer:
    """N(mean, stddev^2)."""
    return Normal(mean, stddev)


@_keras.law_of("RandomUniform", "uniform", "embedding_default")
def random_uniform(minval: float = -0.05, maxval: float = 0.05) -> Initializer:
    """U(minval, maxval).

    With these defaults it is the initializer of keras.layers.Embedding.
    """
    return Uniform(minval, maxval)


@_keras.law_of("TruncatedNormal")
def truncated_normal(mean: float = 0.0, stddev: float = 0.05) -> Initializer:
    """N(mean, stddev^2) truncated to [mean - 2 stddev, mean + 2 stddev].

    stddev is that of the parent: the weights have 0.8796 stddev. fanin's truncated_normal(std=...) gives the requested
    std, and so do Keras's own variance scaling initializers.
    """
    return parent_truncated(mean, stddev, -2.0, 2.0)


@_keras.law_of("VarianceScaling", remark=_FANS)
def variance_scaling(
    scale: float = 1.0,
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in",
    distribution: str = "truncated_normal",
    input_axes: _Axes = None,
    output_axes: _Axes = None,
    depthwise: bool = False,
) -> Initializer:
    """Mean 0 and variance scale / n, where n is the fan that mode names.

    distribution="normal" means the truncated normal; "untruncated_normal" is the plain normal. The truncated normal is
    truncated at 2 parent standard deviations, and the variance is that of the weights.
    """
    laws = {
        "normal": "truncated_normal",
        "truncated_normal": "truncated_normal",
        "untruncated_normal": "normal",
        "uniform": "uniform",
    }
    for what, value, known in (
        ("mode", mode, ["fan_in", "fan_out", "fan_avg"]),
        ("distribution", distribution, list(laws)),
    ):
        if value not in known:
            raise FaninValueError(
                f"{what} must be one of {', '.join(known)}. Received: {value!r}.{closest(str(value), known)}"
            )
    return _scaling(scale, mode, cast(Distribution, laws[distribution]), input_axes, output_axes, depthwise)


@_keras.law_of("HeNormal", remark=_CORRECTED + " " + _FANS)
def he_normal(input_axes: _Axes = None, output_axes: _Axes = None, depthwise: bool = False) -> Initializer:
    """N(0, 2 / fan_in), truncated."""
    return _scaling(2.0, "fan_in", "truncated_normal", input_axes, output_axes, depthwise)


@_keras.law_of("HeUniform", remark=_FANS)
def he_uniform(input_axes: _Axes = None, output_axes: _Axes = None, depthwise: bool = False) -> Initializer:
    """U(-b, b), b = sqrt(6 / fan_in)."""
    return _scaling(2.0, "fan_in", "uniform", input_axes, output_axes, depthwise)


@_keras.law_of("GlorotNormal", remark=_CORRECTED + " " + _FANS)
def glorot_normal(input_axes: _Axes = None, output_axes: _Axes = None, depthwise: bool = False) -> Initializer:
    """N(0, 2 / (fan_in + fan_out)), truncated."""
    return _scaling(1.0, "fan_avg", "truncated_normal", input_axes, output_axes, depthwise)


@_keras.law_of("GlorotUniform", "dense_default", "conv_default", remark=_FANS)
def glorot_uniform(input_axes: _Axes = None, output_axes: _Axes = None, depthwise: bool = False) -> Initializer:
    """U(-b, b), b = sqrt(6 / (fan_in + fan_out)).

    The default of Keras's layers.
    """
    return _scaling(1.0, "fan_avg", "uniform", input_axes, output_axes, depthwise)


@_keras.law_of("LecunNormal", remark=_CORRECTED + " " + _FANS)
def lecun_normal(input_axes: _Axes = None, output_axes: _Axes = None, depthwise: bool = False) -> Initializer:
    """N(0, 1 / fan_in), truncated."""
    return _scaling(1.0, "fan_in", "truncated_normal", input_axes, output_axes, depthwise)


@_keras.law_of("LecunUniform", remark=_FANS)
def lecun_uniform(input_axes: _Axes = None, output_axes: _Axes = None, depthwise: bool = False) -> Initializer:
    """U(-b, b), b = sqrt(3 / fan_in)."""
    return _scaling(1.0, "fan_in", "uniform", input_axes, output_axes, depthwise)


@_keras.law_of("Orthogonal", "recurrent_default")
def orthogonal(gain: float = 1.0) -> Initializer:
    """W = gain Q, where Q is uniform among the matrices (in * kernel, out) with orthonormal rows or columns.

    It is one matrix, whatever the groups; fanin's orthogonal makes one per group. It is the default of the recurrent
    kernels of Keras's LSTM, GRU and SimpleRNN, where it is applied to the packed (units, 4 units) matrix.
    """
    return UngroupedOrthogonal(gain)


@_keras.law_of("Identity")
def identity(gain: float = 1.0) -> Initializer:
    """W = gain I, the identity matrix."""
    return Identity(gain)


PROFILES: Final = _keras.profiles
