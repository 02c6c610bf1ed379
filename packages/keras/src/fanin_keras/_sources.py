"""Which initializer a layer has given to each of its variables, read from the built layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from keras import initializers, layers

__all__ = ["Source", "source_of", "unknown"]

_ATTRIBUTES: Final = {
    "recurrent_kernel": "recurrent_initializer",
    "depthwise_kernel": "depthwise_initializer",
    "pointwise_kernel": "pointwise_initializer",
    "reverse_embeddings": "embeddings_initializer",
    "renorm_mean": "moving_mean_initializer",
}
"""The attribute that holds a variable's initializer, where it is not called after the variable."""

_FIXED: Final = (
    (layers.RMSNormalization, "scale", "ones"),
    (layers.Attention, "concat_score_weight", "ones"),
    (layers.AdditiveAttention, "scale", "glorot_uniform"),
    (layers.Attention, "scale", "ones"),
    (layers.SpectralNormalization, "vector_u", initializers.TruncatedNormal(stddev=0.02, seed=0)),
)
"""Initializers that a layer of Keras states in its code, of a class and a variable: the first that fits counts."""

_NOTES: Final = (
    (layers.Normalization, ("mean", "variance", "count"), "set by adapt(), from data"),
    (layers.STFTSpectrogram, ("real_kernel", "imag_kernel"), "computed without random numbers: STFT"),
)
"""Variables that no law describes."""

_LORA: Final = "unknown: enable_lora does not keep its initializers"


@dataclass(frozen=True)
class Source:
    """Where a variable's initial values come from.

    Attributes:
        initializer: An initializer of Keras, or any function of (shape, dtype); None if there is none.
        attribute: The layer's attribute that holds it, or "".
        note: What computes the values instead.
        is_root: Whether the values are the square roots of what it gives.
    """

    initializer: Any = None
    attribute: str = ""
    note: str | None = None
    is_root: bool = False


def source_of(layer: Any, key: str) -> Source | None:
    """Return where a variable's initial values come from; None if the built layer does not say.

    Args:
        layer: The layer that has the variable.
        key: What the variable is called in it.

    Example:
        >>> source_of(layers.DepthwiseConv2D(3), "kernel").attribute
        'depthwise_initializer'
    """
    for kind, keys, note in _NOTES:
        if isinstance(layer, kind) and key in keys:
            return Source(note=note)
    if key.startswith("lora_"):
        return Source(note=_LORA)
    if isinstance(layer, layers.BatchNormalization) and key in ("moving_stddev", "renorm_stddev"):
        return Source(layer.moving_variance_initializer, "moving_variance_initializer", is_root=True)
    named = [_ATTRIBUTES.get(key, f"{key}_initializer"), f"_{key}_initializer"]
    if isinstance(layer, (layers.DepthwiseConv1D, layers.DepthwiseConv2D)) and key == "kernel":
        named = ["depthwise_initializer"]
    for attribute in named:
        if (initializer := getattr(layer, attribute, None)) is not None:
            return Source(initializers.get(initializer), attribute)
    for kind, fixed_key, fixed in _FIXED:
        if isinstance(layer, kind) and key == fixed_key:
            return Source(initializers.get(fixed))
    return None


def unknown(layer: Any, key: str) -> Source:
    """Return what is said of a variable whose initializer nothing tells."""
    return Source(note=f"unknown: {type(layer).__name__} has no attribute {key}_initializer, and cannot be made again")
