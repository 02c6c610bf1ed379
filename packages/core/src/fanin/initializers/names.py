"""Find initializers by name: presets, `"he"`, and functions of other frameworks, `"torch:kaiming_uniform"`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Final

from fanin._checks import closest
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import presets
from fanin.initializers.base import Initializer

__all__ = ["PRESETS", "get_initializer", "initializer_names", "profile"]

_SHORT: Final = {"he_normal": "he", "kaiming_normal": "kaiming"}
"""Short names, accepted only as text: `fanin.he` does not exist."""


def _presets() -> Iterator[tuple[str, Callable[..., Initializer]]]:
    for name, function in vars(presets).items():
        if name in presets.__all__:
            if name in _SHORT:
                yield _SHORT[name], function
            yield name, function


PRESETS: Final = dict(_presets())
"""The functions that make an initializer from its settings, under every name, in the order of definition."""


def _needs_settings(make: Callable[..., Initializer]) -> bool:
    return any(one.default is one.empty for one in inspect.signature(make).parameters.values())


_BY_NAME: Final = {name: make() for name, make in PRESETS.items() if not _needs_settings(make)}

_EXAMPLES: Final = {
    "constant": "fanin.constant(0.5)",
    "sparse": "fanin.sparse(0.9)",
    "uniform": "fanin.uniform(-0.05, 0.05)",
    "variance_scaling": 'fanin.variance_scaling(2.0, "fan_in", "normal")',
}
"""Example calls of the presets that need settings."""


def profile(name: str, **settings: object) -> Initializer:
    """Return the distribution of another framework's function with the same arguments, fan count and quirks included.

    The name alone is accepted as an initialization: `fanin.init(shape, "torch:kaiming_uniform", ...)`.

    Args:
        name: Framework and function: "torch:kaiming_uniform", "torch:linear_default", "jax:he_normal",
            "keras:glorot_uniform", "flax:dense_default", "timm:trunc_normal_tf", ...; `fanin list` shows them all.
        settings: The arguments of that function, with its own names and defaults.

    Returns:
        An initializer, for any layout and any backend.

    Raises:
        FaninValueError: The name or a setting is unknown, missing or out of range.
        FaninTypeError: The name is not a string, or a setting has the wrong type.

    Example:
        >>> profile("torch:kaiming_uniform", a=0.5, mode="fan_out").scale
        1.6
        >>> profile("keras:truncated_normal", stddev=0.02).std  # Keras's stddev is the parent's
        0.017592513220684797
    """
    from fanin.profiles import get_profile  # loaded only when needed

    return get_profile(name)(**settings)


def initializer_names() -> tuple[str, ...]:
    """Return every name that `initialization=` accepts as text."""
    return tuple(_BY_NAME)


def get_initializer(initialization: object) -> Initializer:
    """Return the initializer with this name; an `Initializer` is returned as it is.

    Raises:
        FaninValueError: The name is unknown, or its initializer needs settings.
        FaninTypeError: It is neither a string nor an `Initializer`.

    Example:
        >>> get_initializer("random")
        Normal(mean=0.0, std=0.01)
    """
    if isinstance(initialization, Initializer):
        return initialization
    if not isinstance(initialization, str):
        call = " Call the function: add () after its name." if callable(initialization) else ""
        raise FaninTypeError(
            f"initialization must be a name or a fanin Initializer. Received: {initialization!r} of type "
            f'{type(initialization).__name__}.{call} Pass, for example, "he" or fanin.he_normal().'
        )
    if initialization in _BY_NAME:
        return _BY_NAME[initialization]
    if ":" in initialization:
        return profile(initialization)
    if initialization in PRESETS:
        raise FaninValueError(
            f"initialization {initialization!r} needs settings. Pass, for example, "
            f"{_EXAMPLES.get(initialization, f'fanin.{initialization}(...)')}."
        )
    called = initialization.partition("(")[0]
    text = f"fanin.{initialization}" if called in presets.__all__ else "fanin.he_normal(0.2)"
    settings = f" To pass settings, call the function: {text}." if "(" in initialization else ""
    raise FaninValueError(
        f"unknown initialization {initialization!r}.{closest(initialization, PRESETS)}{settings} "
        f"Accepted: {', '.join(_BY_NAME)}, a profile such as torch:kaiming_uniform, or an Initializer such as "
        f"fanin.uniform(-0.05, 0.05)."
    )
