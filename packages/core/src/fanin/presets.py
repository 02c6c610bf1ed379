"""The initializers by name, as functions: `fanin.he_normal()`, and as text: `initialization="he_normal"`.

Each is a setting of one of the laws in `fanin.initializers`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from fanin._checks import closest, finite_number
from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin.gains import second_moment
from fanin.initializers import (
    Constant,
    Distribution,
    Initializer,
    Mode,
    Normal,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)
from fanin.matrix_presets import delta_orthogonal, dirac, identity, orthogonal

__all__ = [
    "constant",
    "get_initializer",
    "glorot_normal",
    "glorot_truncated_normal",
    "glorot_uniform",
    "he_normal",
    "he_truncated_normal",
    "he_uniform",
    "initializer_names",
    "kaiming_normal",
    "kaiming_truncated_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_truncated_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "profile",
    "random",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_truncated_normal",
    "xavier_uniform",
    "zeros",
]


_Settings = ParamSpec("_Settings")
_Made = TypeVar("_Made", bound=Initializer)


def _by_name(make: Callable[_Settings, _Made]) -> Callable[_Settings, _Made]:
    """Refuse settings without a name: one number is the mean in torch and NumPy, and the std in JAX."""

    @wraps(make)
    def call(*values: _Settings.args, **settings: _Settings.kwargs) -> _Made:
        if values:
            raise FaninTypeError(_not_by_name(make, values, settings))
        return make(*values, **settings)

    return call


def _not_by_name(make: Callable[..., Initializer], values: tuple[object, ...], settings: dict[str, object]) -> str:
    defaults = {name: one.default for name, one in inspect.signature(make).parameters.items()}
    free = [name for name in defaults if name not in settings]
    readings = [dict(zip(free, values, strict=False))]
    if len(values) == 1:
        readings = [{name: values[0]} for name in ("mean", "std") if name in free]
    texts = []
    for reading in readings:
        try:
            make(**reading, **settings)
        except (FaninError, TypeError):  # it cannot have been meant
            continue
        if len(reading) == len(values):
            texts.append(_written(make, reading | settings))
    given = ", ".join([*map(repr, values), *(f"{name}={value!r}" for name, value in settings.items())])
    return (
        f"{make.__name__} takes its settings by name, since a number alone is the mean in torch and the std in JAX. "
        f"Received: {make.__name__}({given}). "
        + (f"Did you mean {' or '.join(texts)}?" if texts else f"Accepted: {_written(make, defaults)}.")
    )


def _written(make: Callable[..., Initializer], settings: dict[str, object]) -> str:
    return f"{make.__name__}({', '.join(f'{name}={value!r}' for name, value in settings.items())})"


def constant(value: float) -> Constant:
    """Every weight is `value`, rounded to float32 and then to the dtype (once for float64).

    Raises:
        FaninValueError: `value` is not finite.

    Example:
        >>> constant(0.5)
        Constant(value=0.5)
    """
    return Constant(value)


def zeros() -> Constant:
    """Every weight is 0: all units of a layer compute the same, receive the same gradient and stay the same."""
    return Constant(0.0)


def ones() -> Constant:
    """Every weight is 1, the usual start of a normalization's scale."""
    return Constant(1.0)


@_by_name
def normal(*, mean: float = 0.0, std: float = 0.01) -> Normal:
    """N(mean, std^2). The settings are given by name.

    Args:
        mean: Mean of the weights, finite.
        std: Standard deviation of the weights, above 0.

    Raises:
        FaninValueError: `std` is not above 0, or a setting is not finite.
        FaninTypeError: A setting has no name, or is not a number.

    Example:
        >>> normal(std=0.02)
        Normal(mean=0.0, std=0.02)
    """
    return Normal(mean, std)


def random() -> Normal:
    """N(0, 0.01^2): small random numbers, which break the symmetry and let the signal of a deep network die.

    Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural networks",
    section 5.
    """
    return Normal(0.0, 0.01)


def uniform(low: float, high: float) -> Uniform:
    """U(low, high), which rounding closes: about a mean that is not 0, it may pass an end in the last place.

    Args:
        low: Lower end, finite.
        high: Upper end, finite, above `low`.

    Raises:
        FaninValueError: `low` is not below `high`, or a setting is not finite.

    Example:
        >>> uniform(-0.05, 0.05)
        Uniform(low=-0.05, high=0.05)
    """
    return Uniform(low, high)


@_by_name
def truncated_normal(
    *, mean: float = 0.0, std: float = 0.01, lower: float = -2.0, upper: float = 2.0
) -> TruncatedNormal:
    """A normal law truncated to [mean + lower * sigma, mean + upper * sigma], sigma its parent's standard deviation.

    The settings are given by name.

    Args:
        mean: Mean of the parent normal, finite.
        std: Standard deviation of the weights (not of the parent: that is 1.137 times as large at two sigma).
        lower: Lower bound in parent standard deviations.
        upper: Upper bound in parent standard deviations, above `lower`.

    Raises:
        FaninValueError: `std` is not above 0, `lower` is not below `upper`, or a setting is not finite.
        FaninTypeError: A setting has no name, or is not a number.

    Example:
        >>> truncated_normal(std=0.02)
        TruncatedNormal(mean=0.0, std=0.02, lower=-2.0, upper=2.0)
    """
    return TruncatedNormal(mean, std, lower, upper)


def variance_scaling(scale: float, mode: Mode, distribution: Distribution) -> VarianceScaling:
    """Mean 0 and variance scale / n, n the fan that `mode` names.

    Args:
        scale: Above 0.
        mode: "fan_in", "fan_out", "fan_avg" (their arithmetic mean) or "fan_geo" (their geometric mean).
        distribution: "normal", "uniform" (on plus or minus sqrt(3 scale / n)) or "truncated_normal" (at two parent
            standard deviations, with the variance corrected for it).

    Raises:
        FaninValueError: `scale` is not above 0, or a mode or distribution is unknown.

    Example:
        >>> variance_scaling(2.0, "fan_in", "normal") == he_normal()
        True
    """
    return VarianceScaling(scale, mode, distribution)


_Activation = str | Callable[[float], float] | None


def _he(distribution: Distribution, negative_slope: float, mode: Mode, activation: _Activation) -> VarianceScaling:
    slope = finite_number(negative_slope, "negative_slope")
    if activation is None:
        return VarianceScaling(2.0 / (1.0 + slope * slope), mode, distribution)
    if slope:
        raise FaninValueError(
            f"negative_slope belongs to the leaky ReLU, and activation says which it is. Received: "
            f"negative_slope={slope}, activation={activation!r}. Pass one of them; for another slope, negative_slope."
        )
    return VarianceScaling(1.0 / second_moment(activation), mode, distribution)


def he_normal(negative_slope: float = 0.0, mode: Mode = "fan_in", *, activation: _Activation = None) -> VarianceScaling:
    """N(0, 2 / ((1 + a^2) fan_in)): keeps the second moment of the signal through ReLU layers.

    He, Zhang, Ren and Sun 2015, "Delving deep into rectifiers", equations 10 (a = 0) and 15 (a, the slope of a leaky
    ReLU); with mode="fan_out", equation 14, it keeps that of the gradient instead.

    Args:
        negative_slope: The slope a of a leaky ReLU on the negative side; 0 for ReLU.
        mode: The fan to divide by.
        activation: Another activation than ReLU, by name or as a function from float to float: the variance is then
            `fanin.gain(activation)**2 / fan`. With mode="fan_out" this does not keep the gradient, except for the ReLU
            family: for that, scale by `fanin.backward_gain(activation)**2` in `variance_scaling`.

    Raises:
        FaninValueError: The slope is not finite, the mode or the activation is unknown, or both a slope and an
            activation are given.

    Example:
        >>> from fanin.layout import Geometry
        >>> he_normal().law(Geometry.of((256, 64), "OI").fans()).std == (2 / 64) ** 0.5
        True
        >>> he_normal(activation="relu") == he_normal(), round(he_normal(activation="gelu").scale, 4)
        (True, 2.3517)
    """
    return _he("normal", negative_slope, mode, activation)


def he_uniform(
    negative_slope: float = 0.0, mode: Mode = "fan_in", *, activation: _Activation = None
) -> VarianceScaling:
    """U(-b, b) with b = sqrt(6 / ((1 + a^2) fan_in)), the variance of `he_normal`."""
    return _he("uniform", negative_slope, mode, activation)


def he_truncated_normal(
    negative_slope: float = 0.0, mode: Mode = "fan_in", *, activation: _Activation = None
) -> VarianceScaling:
    """A normal truncated at two parent standard deviations, with the variance of `he_normal` (JAX's `he_normal`)."""
    return _he("truncated_normal", negative_slope, mode, activation)


def glorot_normal() -> VarianceScaling:
    """N(0, 2 / (fan_in + fan_out)) (Glorot and Bengio 2010, equation 12)."""
    return VarianceScaling(1.0, "fan_avg", "normal")


def glorot_uniform() -> VarianceScaling:
    """U(-b, b) with b = sqrt(6 / (fan_in + fan_out)).

    Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", equation 16.
    """
    return VarianceScaling(1.0, "fan_avg", "uniform")


def glorot_truncated_normal() -> VarianceScaling:
    """A normal truncated at two parent standard deviations, with the variance of `glorot_normal`."""
    return VarianceScaling(1.0, "fan_avg", "truncated_normal")


def lecun_normal() -> VarianceScaling:
    """N(0, 1 / fan_in) (LeCun, Bottou, Orr and Müller 1998, "Efficient BackProp", equation 16)."""
    return VarianceScaling(1.0, "fan_in", "normal")


def lecun_uniform() -> VarianceScaling:
    """U(-b, b) with b = sqrt(3 / fan_in), the variance of `lecun_normal`."""
    return VarianceScaling(1.0, "fan_in", "uniform")


def lecun_truncated_normal() -> VarianceScaling:
    """A normal truncated at two parent standard deviations, with the variance of `lecun_normal`."""
    return VarianceScaling(1.0, "fan_in", "truncated_normal")


kaiming_normal = he_normal
kaiming_uniform = he_uniform
kaiming_truncated_normal = he_truncated_normal
xavier_normal = glorot_normal
xavier_uniform = glorot_uniform
xavier_truncated_normal = glorot_truncated_normal

_BY_NAME: Final[dict[str, Initializer]] = {
    "zeros": zeros(),
    "ones": ones(),
    "random": random(),
    "normal": normal(),
    "truncated_normal": truncated_normal(),
    "he": he_normal(),
    "he_normal": he_normal(),
    "he_uniform": he_uniform(),
    "he_truncated_normal": he_truncated_normal(),
    "kaiming": he_normal(),
    "kaiming_normal": he_normal(),
    "kaiming_uniform": he_uniform(),
    "kaiming_truncated_normal": he_truncated_normal(),
    "glorot_normal": glorot_normal(),
    "glorot_uniform": glorot_uniform(),
    "glorot_truncated_normal": glorot_truncated_normal(),
    "xavier_normal": glorot_normal(),
    "xavier_uniform": glorot_uniform(),
    "xavier_truncated_normal": glorot_truncated_normal(),
    "lecun_normal": lecun_normal(),
    "lecun_uniform": lecun_uniform(),
    "lecun_truncated_normal": lecun_truncated_normal(),
    "orthogonal": orthogonal(),
    "delta_orthogonal": delta_orthogonal(),
    "identity": identity(),
    "dirac": dirac(),
}

_NEED_SETTINGS: Final = {
    "constant": "fanin.constant(0.5)",
    "sparse": "fanin.sparse(0.9)",
    "uniform": "fanin.uniform(-0.05, 0.05)",
    "variance_scaling": 'fanin.variance_scaling(2.0, "fan_in", "normal")',
}


def profile(name: str, **settings: object) -> Initializer:
    """The law of another framework's function with the same arguments, its count of the fans and quirks included.

    The name alone is accepted wherever an initialization is: `fanin.init(shape, "torch:kaiming_uniform", ...)`.

    Args:
        name: Framework and function: "torch:kaiming_uniform", "torch:linear_default", "jax:he_normal",
            "keras:glorot_uniform", "flax:dense_default", "timm:trunc_normal_tf", ...; `fanin list` shows them all.
        settings: The arguments of the function, by its own names and with its own defaults.

    Returns:
        An initializer, for any layout and any backend.

    Raises:
        FaninValueError: The name or a setting is unknown, missing or out of range.
        FaninTypeError: The name is not text, or a setting has the wrong type.

    Example:
        >>> profile("torch:kaiming_uniform", a=0.5, mode="fan_out").scale
        1.6
        >>> profile("keras:truncated_normal", stddev=0.02).std  # Keras means the parent's
        0.017592513220684797
    """
    from fanin.profiles import get_profile  # loaded only where it is needed

    return get_profile(name)(**settings)


def initializer_names() -> tuple[str, ...]:
    """Return every name that `initialization=` accepts as text."""
    return tuple(_BY_NAME)


def get_initializer(initialization: object) -> Initializer:
    """Return the initializer that a name stands for; an `Initializer` is returned as it is.

    Raises:
        FaninValueError: The name is unknown, or it is one that needs settings.
        FaninTypeError: It is neither text nor an `Initializer`.

    Example:
        >>> get_initializer("random")
        Normal(mean=0.0, std=0.01)
    """
    if isinstance(initialization, Initializer):
        return initialization
    if not isinstance(initialization, str):
        call = " Call the function: put () behind it." if callable(initialization) else ""
        raise FaninTypeError(
            f"initialization must be a name or a fanin Initializer. Received: {initialization!r} of type "
            f'{type(initialization).__name__}.{call} For example "he" or fanin.he_normal().'
        )
    if initialization in _BY_NAME:
        return _BY_NAME[initialization]
    if ":" in initialization:
        return profile(initialization)
    if initialization in _NEED_SETTINGS:
        raise FaninValueError(
            f"initialization {initialization!r} needs settings. Pass for example {_NEED_SETTINGS[initialization]}."
        )
    settings = " A name has no settings; its function does: fanin.he_normal(0.2)." if "(" in initialization else ""
    raise FaninValueError(
        f"unknown initialization {initialization!r}.{closest(initialization, [*_BY_NAME, *_NEED_SETTINGS])}{settings} "
        f"Accepted: {', '.join(_BY_NAME)}, a profile such as torch:kaiming_uniform, or an Initializer such as "
        f"fanin.uniform(-0.05, 0.05)."
    )
