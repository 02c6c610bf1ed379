"""What Keras's own layers say of their variables: which axes are in and out, and the matrices packed into them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from keras import layers

__all__ = ["Axes", "FanAxes", "axes_of", "fan_axes_of", "gates_of", "is_bias", "is_convolutional_cell"]

FanAxes: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
"""Axes that count for the fan-in, and axes that count for the fan-out."""

_KERNELS: Final = {1: "W", 2: "HW", 3: "DHW"}
_DEPTHWISE: Final = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
_SEPARABLE: Final = (layers.SeparableConv1D, layers.SeparableConv2D)
_TRANSPOSED: Final = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
_CONVOLUTIONS: Final = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
_CELLS: Final = (layers.SimpleRNNCell, layers.LSTMCell, layers.GRUCell)


@dataclass(frozen=True)
class Axes:
    """The axes of a variable, as arguments of `fanin.Parameter` and of `fanin.init`.

    Attributes:
        layout: One letter per axis, or None where the layer has no in- and out-axes there.
        groups: Groups of a grouped convolution.
        transposed: Whether it is the kernel of a transposed convolution.
        stride: Strides of the transposed convolution.
    """

    layout: str | None = None
    groups: int = 1
    transposed: bool = False
    stride: tuple[int, ...] | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The axes as keyword arguments."""
        stated = {"layout": self.layout, "groups": self.groups, "transposed": self.transposed, "stride": self.stride}
        return stated if self.layout is not None else {}


def axes_of(layer: Any, key: str, shape: tuple[int, ...]) -> Axes:
    """Return the axes of a layer's variable.

    Args:
        layer: A built layer.
        key: What the variable is called in it.
        shape: The variable's shape.

    Example:
        >>> axes_of(layers.Conv2DTranspose(6, (3, 5), strides=2), "kernel", (3, 5, 6, 8))
        Axes(layout='HWOI', groups=1, transposed=True, stride=(2, 2))
    """
    axes = _axes(layer, key, shape)
    return Axes() if axes.layout is None or len(axes.layout) != len(shape) else axes


def _axes(layer: Any, key: str, shape: tuple[int, ...]) -> Axes:
    if isinstance(layer, layers.EinsumDense):
        return Axes(_einsum_layout(layer.equation)) if key == "kernel" else Axes()
    if isinstance(layer, (layers.Dense, *_CONVOLUTIONS, *_TRANSPOSED, *_DEPTHWISE, *_SEPARABLE)) and key == "bias":
        return Axes("O")
    taps = _KERNELS.get(len(shape) - 2, "")
    if isinstance(layer, layers.Dense) and key == "kernel":
        return Axes("IO")
    if isinstance(layer, _CELLS) and key in ("kernel", "recurrent_kernel"):
        return Axes("IO")
    if isinstance(layer, _SEPARABLE) and key == "pointwise_kernel":
        return Axes(f"{taps}IO")
    if (isinstance(layer, _DEPTHWISE) and key == "kernel") or (
        isinstance(layer, _SEPARABLE) and key == "depthwise_kernel"
    ):
        return Axes(f"{taps}OO", groups=shape[-2])  # out-channels are numbered (in, multiplier)
    if isinstance(layer, _TRANSPOSED) and key == "kernel":
        return Axes(f"{taps}OI", transposed=True, stride=tuple(layer.strides))
    if isinstance(layer, _CONVOLUTIONS) and key == "kernel":
        return Axes(f"{taps}IO", groups=layer.groups)
    if is_convolutional_cell(layer) and key in ("kernel", "recurrent_kernel"):
        return Axes(f"{taps}IO")
    return Axes()


def fan_axes_of(layer: Any, key: str) -> FanAxes | None:
    """Return the in- and the out-axes by which EinsumDense has its kernel's fans counted; None for other variables.

    Example:
        >>> fan_axes_of(layers.EinsumDense("abc,bcd->abd", (None, 4)), "kernel")  # b counts as out
        ((1,), (0, 2))
    """
    if not isinstance(layer, layers.EinsumDense) or key != "kernel":
        return None
    kernel, outputs = layer.equation.replace(" ", "").partition(",")[2].split("->")
    is_out = [letter in outputs for letter in kernel]
    return tuple(k for k, out in enumerate(is_out) if not out), tuple(k for k, out in enumerate(is_out) if out)


def _einsum_layout(equation: str) -> str | None:
    """Return the layout of a kernel from its equation, or None if an axis is neither in nor out.

    Example:
        >>> _einsum_layout("abc,cde->abde"), _einsum_layout("...x,xy->...y"), _einsum_layout("abc,bcd->abd")
        ('IOO', 'IO', None)
    """
    split = re.fullmatch(r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)", equation.replace("...", "").replace(" ", ""))
    if split is None:
        return None
    inputs, kernel, outputs = split.groups()
    if any((letter in inputs) == (letter in outputs) for letter in kernel):
        return None
    return "".join("O" if letter in outputs else "I" for letter in kernel)


def gates_of(layer: Any, key: str) -> tuple[str, ...]:
    """Return what the equal pieces of the last axis are called, in Keras's order, where a variable packs several.

    Example:
        >>> gates_of(layers.GRUCell(3), "recurrent_kernel")
        ('z', 'r', 'h')
    """
    if key not in ("kernel", "recurrent_kernel", "bias"):
        return ()
    if isinstance(layer, layers.LSTMCell) or is_convolutional_cell(layer):
        return ("i", "f", "c", "o")
    return ("z", "r", "h") if isinstance(layer, layers.GRUCell) else ()


def is_convolutional_cell(layer: Any) -> bool:
    """Return whether a layer is the cell of ConvLSTM1D, 2D or 3D, whose class Keras does not export."""
    names = {f"{one.__module__.partition('.')[0]}.{one.__name__}" for one in type(layer).__mro__}
    return "keras.ConvLSTMCell" in names


def is_bias(key: str) -> bool:
    """Return whether a variable is a bias, by its name."""
    return key == "bias" or key.endswith("_bias")
