"""The distributions of timm.layers.weight_init (timm 1.0) that are not those of torch.nn.init."""

from __future__ import annotations

from typing import Final, Literal

from fanin._checks import closest, finite_number
from fanin.exceptions import FaninValueError
from fanin.initializers import Distribution, Initializer, Normal
from fanin.profiles import torch
from fanin.profiles.record import Recorder, parent_truncated
from fanin.profiles.scaling import FrameworkScaling

__all__ = ["PROFILES"]

_timm: Final = Recorder("timm", "timm.layers")


@_timm.law_of("trunc_normal_")
def trunc_normal(mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Initializer:
    """N(mean, std^2) truncated to [a, b].

    The same as torch's: the bounds are absolute, so with std=0.02, as in ViT's weights, nothing is truncated.
    """
    return torch.trunc_normal(mean, std, a, b)


@_timm.law_of("trunc_normal_tf_")
def trunc_normal_tf(mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Initializer:
    """N(mean, std^2) truncated to [mean + a std, mean + b std].

    The bounds are in standard deviations of the parent, as in TensorFlow and JAX, and std is that of the parent: with
    the default bounds, the weights have 0.8796 std.
    """
    parent = Normal(mean, std)
    return parent_truncated(parent.mean, parent.std, finite_number(a, "a"), finite_number(b, "b"))


@_timm.law_of("variance_scaling_")
def variance_scaling(
    scale: float = 1.0,
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in",
    distribution: Distribution = "normal",
) -> Initializer:
    """Mean 0 and variance scale / n, where n is the fan that mode names, counted as in torch.

    A truncated normal is truncated at 2 parent standard deviations, and the variance is that of the weights.
    """
    modes = ["fan_in", "fan_out", "fan_avg"]
    if mode not in modes:
        raise FaninValueError(f"mode must be one of {', '.join(modes)}. Received: {mode!r}.{closest(str(mode), modes)}")
    return FrameworkScaling(scale, mode, distribution, "torch")


@_timm.law_of("lecun_normal_")
def lecun_normal() -> Initializer:
    """N(0, 1 / fan_in), truncated, with the fan counted as in torch.

    Truncated at 2 standard deviations of the parent, which are 2.274 of the weights; std is that of the weights.
    """
    return FrameworkScaling(1.0, "fan_in", "truncated_normal", "torch")


PROFILES: Final = _timm.profiles
