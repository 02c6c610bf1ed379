"""The distributions of flax.linen.initializers, which are JAX's, and of the layers' defaults (flax 0.12).

flax.nnx has the same initializers and the same defaults as flax.linen.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from fanin.initializers import Initializer
from fanin.profiles import jax
from fanin.profiles.record import Recorder
from fanin.profiles.scaling import FrameworkScaling

__all__ = ["PROFILES"]

_flax: Final = Recorder("flax", "flax.linen")


@_flax.law_of("the default kernel of flax.linen.Dense, DenseGeneral and flax.nnx.Linear", "linear_default")
def dense_default() -> Initializer:
    """N(0, 1 / fan_in), truncated.

    It is lecun_normal, whose std is that of the weights. Flax flattens the in-axes and the out-axes of a dense kernel
    before it counts, so the fan_in of an attention kernel (in, heads, size) is right, unlike with jax:lecun_normal.
    """
    return FrameworkScaling(1.0, "fan_in", "truncated_normal", "flax_dense")


@_flax.law_of("the default kernel of flax.linen.Conv and ConvTranspose, and of their flax.nnx counterparts")
def conv_default(transpose_kernel: bool = False) -> Initializer:
    """N(0, 1 / fan_in), truncated.

    It is lecun_normal, whose std is that of the weights. The stride of a transposed kernel does not count. With
    transpose_kernel=True, Flax stores (*kernel, out, in) and takes the out-channels for in-channels.
    """
    rule = "flax_transpose_kernel" if transpose_kernel else "jax"
    return FrameworkScaling(1.0, "fan_in", "truncated_normal", rule)  # type: ignore[arg-type]  # either is a FanRule


@_flax.law_of("the default table of flax.linen.Embed and flax.nnx.Embed", "embedding_default")
def embed_default() -> Initializer:
    """N(0, 1 / features), for a table (entries, features) with layout IO.

    Flax calls variance_scaling(1.0, "fan_in", "normal", out_axis=0), so axis 0 is both in-axis and out-axis, the
    features count as a receptive field, and the fan is entries * features / entries.
    """
    return FrameworkScaling(1.0, "fan_out", "normal", "jax")


PROFILES: Final = {
    **{
        name.replace("jax:", "flax:"): dataclasses.replace(
            profile,
            name=name.replace("jax:", "flax:"),
            of=profile.of.replace("jax.nn.initializers", "flax.linen.initializers"),
        )
        for name, profile in jax.PROFILES.items()
    },
    **_flax.profiles,
}
