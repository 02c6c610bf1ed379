"""Keras's initializers as laws: the distribution that each of them draws from, with its fans as Keras counts them."""

from __future__ import annotations

from typing import Any, Final

from keras import initializers

from fanin.exceptions import FaninError
from fanin.initializers import Initializer
from fanin.initializers.names import profile
from fanin_keras._layers import Axes, FanAxes

__all__ = ["law_of"]

_PLAIN: Final = {
    initializers.Zeros: ("zeros", {}),
    initializers.Ones: ("ones", {}),
    initializers.Constant: ("constant", {"value": "value"}),
    initializers.RandomNormal: ("random_normal", {"mean": "mean", "stddev": "stddev"}),
    initializers.RandomUniform: ("random_uniform", {"minval": "minval", "maxval": "maxval"}),
    initializers.TruncatedNormal: ("truncated_normal", {"mean": "mean", "stddev": "stddev"}),
}
"""Initializers that look at no axis: the profile's name, and its settings with the attributes that hold them."""


def law_of(
    initializer: Any, shape: tuple[int, ...], axes: Axes, fans: FanAxes | None = None
) -> tuple[Initializer, Axes] | str:
    """Return the law that a Keras initializer draws from, and the axes under which it is that law.

    Args:
        initializer: What a layer holds: an instance, or any function of (shape, dtype).
        shape: The shape that it would be called with.
        axes: What the layer says of the axes.
        fans: The in- and the out-axes by which the layer has the fans counted, where it says them.

    Returns:
        The law; or text that says why there is none.
    """
    kind = _kind(initializer)
    if kind in _PLAIN:
        name, attributes = _PLAIN[kind]
        return _plain(name, {setting: getattr(initializer, own) for setting, own in attributes.items()}, axes)
    if kind is initializers.VarianceScaling:
        return _scaling(initializer, shape, axes, fans)
    if kind in (initializers.Orthogonal, initializers.Identity):
        # One matrix of all but the last axis and the last, whatever the layer calls them.
        if len(shape) < 2 or (kind is initializers.Identity and len(shape) > 2):
            return f"unknown: {kind.__name__} does not accept the shape {shape}"
        plain = axes.layout is not None and axes.layout.endswith("IO") and "O" not in axes.layout[:-1]
        matrix = Axes(axes.layout if plain else "I" * (len(shape) - 1) + "O")
        name = "orthogonal" if kind is initializers.Orthogonal else "identity"
        return profile(f"keras:{name}", gain=float(initializer.gain)), matrix
    if kind is initializers.STFT:
        return "computed without random numbers: STFT"
    return f"unknown: {_described(initializer)} is no initializer of Keras's own or of fanin's"


def _kind(initializer: Any) -> Any:
    """Return the class of Keras whose call an initializer has, or None."""
    known = (*_PLAIN, initializers.VarianceScaling, initializers.Orthogonal, initializers.Identity, initializers.STFT)
    for kind in known:
        if isinstance(initializer, kind) and type(initializer).__call__ is kind.__call__:
            return kind
    return None


def _plain(name: str, settings: dict[str, Any], axes: Axes) -> tuple[Initializer, Axes] | str:
    try:
        numbers = {setting: float(value) for setting, value in settings.items()}
        return profile(f"keras:{name}", **numbers), axes
    except (TypeError, ValueError, FaninError):  # a tensor as a constant, or a stddev of 0
        return f"unknown: {name} of {settings} is no law"


def _scaling(initializer: Any, shape: tuple[int, ...], axes: Axes, fans: FanAxes | None) -> tuple[Initializer, Axes]:
    """Return a variance scaling law.

    Where the layout says what Keras assumes, the profile counts the fans from it. Everywhere else they are those of
    the axes that Keras would take, by number.
    """
    settings: dict[str, Any] = {}
    if initializer.input_axes is not None and initializer.output_axes is not None:
        settings = {"input_axes": list(initializer.input_axes), "output_axes": list(initializer.output_axes)}
    elif fans is not None:
        settings = {"input_axes": list(fans[0]), "output_axes": list(fans[1])}
    elif axes.layout is None:
        taps, last = list(range(len(shape) - 2)), list(range(len(shape)))[-2:]
        settings = {"input_axes": [*taps, *last[:1]], "output_axes": [*taps, *last[-1:]]}
    settings |= {"scale": float(initializer.scale), "mode": initializer.mode, "distribution": initializer.distribution}
    return profile("keras:variance_scaling", **settings), axes


def _described(initializer: Any) -> str:
    name = getattr(initializer, "__qualname__", None) or type(initializer).__qualname__
    return name.rpartition("<locals>.")[2]
