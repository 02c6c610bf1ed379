"""What torch's own layers say of their parameters: their axes, the matrices packed into them, and where they start."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from fanin.layout import Geometry

__all__ = ["NORMS", "Role", "buffer_start", "geometry_of", "role_of"]

_KERNELS: Final = {1: "W", 2: "HW", 3: "DHW"}

NORMS: Final = (_NormBase, nn.LayerNorm, nn.GroupNorm, getattr(nn, "RMSNorm", nn.LayerNorm))
"""Normalization layers, whose weight multiplies and whose bias is added."""

_DENSE: Final = {
    (nn.Linear,): "weight|bias",
    (nn.RNNBase, nn.RNNCellBase): "(weight|bias)_(ih|hh|hr).*",
    (nn.MultiheadAttention,): "in_proj_(weight|bias)|[qkv]_proj_weight",
}
"""Layers of dense matrices and biases, and what they call them."""

_BUFFERS: Final = {"running_mean": 0.0, "running_var": 1.0, "num_batches_tracked": 0.0}
"""Where the statistics of a normalization layer start."""


@dataclass(frozen=True)
class Role:
    """What a parameter is to its layer.

    Attributes:
        is_bias: Whether it is added, and no weight.
        start: The constant that it starts at, whatever the law of the layers: a normalization's scale.
        geometry: Its axes, or those of each piece; None where it has no in- and out-axes.
        pieces: What the equal pieces of its first axis are called, where several matrices are packed into it: gates.
    """

    is_bias: bool = False
    start: float | None = None
    geometry: Geometry | None = None
    pieces: tuple[str, ...] = ()


def role_of(owner: nn.Module, key: str, tensor: Tensor) -> Role | None:
    """Return what a parameter is to its layer, or None if the layer is not known, or has been given a parameter more.

    Args:
        owner: The layer.
        key: What the layer calls the parameter: "weight".
        tensor: The parameter.

    Example:
        >>> role_of(nn.GRUCell(4, 3), "weight_ih", nn.GRUCell(4, 3).weight_ih).pieces
        ('r', 'z', 'n')
    """
    shape, is_bias = tuple(tensor.shape), "bias" in key
    if isinstance(owner, NORMS) and key in ("weight", "bias"):
        return Role(is_bias, 0.0 if is_bias else 1.0)
    if isinstance(owner, nn.PReLU) and key == "weight":
        return Role(start=0.25)
    if isinstance(owner, nn.MultiheadAttention) and re.fullmatch("bias_[kv]", key):
        return Role(is_bias)
    if (geometry := geometry_of(owner, key, tensor)) is None:
        return None
    pieces = _pieces(owner, key)
    if not pieces:
        return Role(is_bias, geometry=geometry)
    piece, rest = divmod(shape[0], len(pieces))
    layout = "O" if is_bias else "OI"
    return None if rest else Role(is_bias, geometry=_geometry((piece, *shape[1:]), layout), pieces=pieces)


def _pieces(owner: nn.Module, key: str) -> tuple[str, ...]:
    """Return the names of the matrices that are packed into a parameter, in torch's order: gates, or q, k and v."""
    if "in_proj" in key:
        return ("q", "k", "v")
    if not re.search("_(ih|hh)", key):
        return ()
    if isinstance(owner, (nn.LSTM, nn.LSTMCell)):
        return ("i", "f", "g", "o")
    return ("r", "z", "n") if isinstance(owner, (nn.GRU, nn.GRUCell)) else ()


def geometry_of(owner: nn.Module, key: str, tensor: Tensor) -> Geometry | None:
    """Return the axes of a weight or bias of torch's own layers; None for any other parameter.

    Matrices that are packed into one parameter, as gates are, count as one matrix.

    Example:
        >>> layer = nn.ConvTranspose2d(8, 6, (3, 5), stride=2, groups=2)
        >>> geometry_of(layer, "weight", layer.weight)
        Geometry(shape=(8, 3, 3, 5), layout='IOHW', groups=2, transposed=True, stride=(2, 2))
    """
    shape = tuple(tensor.shape)
    if any(isinstance(owner, kinds) and re.fullmatch(keys, key) for kinds, keys in _DENSE.items()):
        layout = "O" if "bias" in key else "OI"
        return _geometry(shape, layout) if len(shape) == len(layout) else None
    if key == "bias":
        return _geometry(shape, "O") if isinstance(owner, _ConvNd) and len(shape) == 1 else None
    if key != "weight":
        return None
    if isinstance(owner, _ConvTransposeNd) and len(shape) == 2 + len(owner.kernel_size):
        return _geometry(shape, f"IO{_KERNELS[len(owner.kernel_size)]}", owner.groups, True, owner.stride)
    if isinstance(owner, _ConvNd) and len(shape) == 2 + len(owner.kernel_size):
        return _geometry(shape, f"OI{_KERNELS[len(owner.kernel_size)]}", owner.groups)
    return None


@lru_cache(maxsize=1024)
def _geometry(
    shape: tuple[int, ...],
    layout: str,
    groups: int = 1,
    transposed: bool = False,
    stride: tuple[int, ...] | None = None,
) -> Geometry:
    """Return the axes of a parameter, made once for all layers that are alike."""
    return Geometry.of(shape, layout, groups, transposed, stride)


def buffer_start(owner: nn.Module, key: str) -> float | None:
    """Return the constant at which a normalization layer's statistics start, or None for any other buffer."""
    return _BUFFERS.get(key) if isinstance(owner, _NormBase) else None
