"""The initializers as functions, such as `fanin.he_normal()`. Each is a setting of one of the distributions.

The name of every function here is also accepted as text: `initialization="he_normal"` (see `fanin.initializers.names`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from fanin._checks import finite_number
from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin.gains import second_moment
from fanin.initializers.base import Initializer
from fanin.initializers.laws import (
    Constant,
    Distribution,
    Mode,
    Normal,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)
from fanin.initializers.matrices import DeltaOrthogonal, Dirac, Identity, Orthogonal, Sparse

__all__ = [
    "constant",
    "delta_orthogonal",
    "dirac",
    "glorot_normal",
    "glorot_truncated_normal",
    "glorot_uniform",
    "he_normal",
    "he_truncated_normal",
    "he_uniform",
    "identity",
    "kaiming_normal",
    "kaiming_truncated_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_truncated_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "random",
    "sparse",
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
    """Reject positional settings: a single number is the mean in torch and NumPy, but the std in JAX."""

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
        except (FaninError, TypeError):  # not a valid call, so it was not meant
            continue
        if len(reading) == len(values):
            texts.append(_written(make, reading | settings))
    given = ", ".join([*map(repr, values), *(f"{name}={value!r}" for name, value in settings.items())])
    return (
        f"{make.__name__} takes its settings by name, since a single number is the mean in torch but the std in JAX. "
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
    """Every weight is 0. All units of a layer then compute the same output, get the same gradient and stay equal."""
    return Constant(0.0)


def ones() -> Constant:
    """Every weight is 1, the usual initial scale of a normalization layer."""
    return Constant(1.0)


@_by_name
def normal(*, mean: float = 0.0, std: float = 0.01) -> Normal:
    """N(mean, std^2). Settings are passed by name.

    Args:
        mean: Mean of the weights, finite.
        std: Standard deviation of the weights, above 0.

    Raises:
        FaninValueError: `std` is not above 0, or a setting is not finite.
        FaninTypeError: A setting is passed without its name, or is not a number.

    Example:
        >>> normal(std=0.02)
        Normal(mean=0.0, std=0.02)
    """
    return Normal(mean, std)


def random() -> Normal:
    """N(0, 0.01^2): small random numbers, which break the symmetry but let the signal vanish in a deep network.

    Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural networks",
    section 5.
    """
    return Normal(0.0, 0.01)


def uniform(low: float, high: float) -> Uniform:
    """U(low, high). Rounding may give the bounds themselves and, if the mean is not 0, exceed one in the last place.

    Args:
        low: Lower bound, finite.
        high: Upper bound, finite, above `low`.

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
    """A normal distribution truncated to [mean + lower * sigma, mean + upper * sigma].

    sigma is the standard deviation of the parent, the normal distribution before truncation. Settings are passed by
    name.

    Args:
        mean: Mean of the parent, finite.
        std: Standard deviation of the weights (not of the parent, which is 1.137 times as large at two sigma).
        lower: Lower bound, in parent standard deviations.
        upper: Upper bound, in parent standard deviations, above `lower`.

    Raises:
        FaninValueError: `std` is not above 0, `lower` is not below `upper`, or a setting is not finite.
        FaninTypeError: A setting is passed without its name, or is not a number.

    Example:
        >>> truncated_normal(std=0.02)
        TruncatedNormal(mean=0.0, std=0.02, lower=-2.0, upper=2.0)
    """
    return TruncatedNormal(mean, std, lower, upper)


def variance_scaling(scale: float, mode: Mode, distribution: Distribution) -> VarianceScaling:
    """Mean 0 and variance scale / n, where n is the fan that `mode` names.

    Args:
        scale: A number above 0.
        mode: "fan_in", "fan_out", "fan_avg" (their arithmetic mean) or "fan_geo" (their geometric mean).
        distribution: "normal", "uniform" (between plus and minus sqrt(3 scale / n)) or "truncated_normal" (at two
            parent standard deviations, with the variance corrected for the truncation).

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
            f"negative_slope is the slope of a leaky ReLU and cannot be combined with activation. Received: "
            f"negative_slope={slope}, activation={activation!r}. Pass only one of them."
        )
    return VarianceScaling(1.0 / second_moment(activation), mode, distribution)


def he_normal(negative_slope: float = 0.0, mode: Mode = "fan_in", *, activation: _Activation = None) -> VarianceScaling:
    """N(0, 2 / ((1 + a^2) fan_in)): preserves the second moment of the signal through ReLU layers.

    He, Zhang, Ren and Sun 2015, "Delving deep into rectifiers", equations 10 (a = 0) and 15 (a is the slope of a leaky
    ReLU). With mode="fan_out", equation 14, it preserves the second moment of the gradient instead.

    Args:
        negative_slope: The slope a of a leaky ReLU on the negative side; 0 for ReLU.
        mode: The fan to divide by.
        activation: An activation other than ReLU, by name or as a function from float to float. The variance is then
            `fanin.gain(activation)**2 / fan`. With mode="fan_out" this preserves the gradient only for the ReLU family;
            for other activations, use `variance_scaling` with the scale `fanin.backward_gain(activation)**2`.

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


def orthogonal(gain: float = 1.0) -> Orthogonal:
    """`gain` times a uniformly (Haar) distributed matrix with orthonormal rows or columns, whichever are fewer.

    W W^T = gain^2 I if there are at most as many out-channels as inputs (in-channels times kernel); otherwise W^T W =
    gain^2 I. With gain 1, a square dense layer therefore preserves the norm of every signal and of every gradient.

    W is `gain` times the factor Q of a QR decomposition of A or A^T, whichever is tall, where A is standard normal. The
    sign of each column of Q is chosen such that R has a positive diagonal; otherwise Q would not be uniform (Mezzadri
    2007, "How to generate random matrices from the classical compact groups", section 5). For deep networks, see Saxe,
    McClelland and Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks".

    The layout is required, with at least one out-axis and one in-axis. Each group of a grouped convolution has its own
    matrix, (out/groups, in/groups * kernel). torch's `orthogonal_` ignores groups and makes one matrix for all of them,
    so a depthwise kernel with C channels has filters of norm sqrt(kernel/C) there and of norm 1 here. Each slice of a
    stack also has its own matrix. The level is close (specification, section 9): backends agree to a tolerance. Drawing
    part of a tensor costs as much as drawing all of it.

    Args:
        gain: A factor above 0; sqrt(2) for ReLU.

    Raises:
        FaninValueError: `gain` is not above 0 or not finite.

    Example:
        >>> from fanin.plans import plan
        >>> plan((3, 3, 16, 32), orthogonal(2.0**0.5), layout="HWIO").rule
        Haar(gain=1.4142135623730951, groups=1, rows=32, columns=144, taps=1, tap=0)
    """
    return Orthogonal(gain)


def delta_orthogonal(gain: float = 1.0) -> DeltaOrthogonal:
    """A convolution kernel that is 0 except at its centre tap, which holds an `orthogonal` matrix (out, in).

    With gain 1 it preserves the norm of its input, exactly so with circular padding and stride 1 (Xiao, Bahri,
    Sohl-Dickstein, Schoenholz and Pennington 2018, "Dynamical isometry and a mean field theory of CNNs", algorithm 2).
    It needs at least as many out-channels as in-channels. The matrix is the one that `orthogonal` gives a dense layer
    (out, in) of the same name. Groups, stacks, the level and the cost of a part are as in `orthogonal`.

    The centre is index k // 2 along each spatial axis, the middle of an odd kernel. For an even kernel, JAX's
    `delta_orthogonal` uses (k - 1) // 2, which differs by one.

    Args:
        gain: A factor above 0.

    Raises:
        FaninValueError: `gain` is not above 0 or not finite.

    Example:
        >>> from fanin.plans import plan
        >>> plan((3, 3, 16, 32), "delta_orthogonal", layout="HWIO").rule
        Haar(gain=1.0, groups=1, rows=32, columns=16, taps=9, tap=4)
    """
    return DeltaOrthogonal(gain)


def identity(gain: float = 1.0) -> Identity:
    """`gain` times the identity matrix, square or not: output i is `gain` times input i, where both exist.

    Le, Jaitly and Hinton 2015, "A simple way to initialize recurrent networks of rectified linear units", use it for
    recurrent weights. It is torch's `eye_` and Keras's `Identity` on two axes. For a convolution, use `dirac`.

    Args:
        gain: The value on the diagonal, above 0.

    Raises:
        FaninValueError: `gain` is not above 0 or not finite.

    Example:
        >>> from fanin.plans import plan
        >>> plan((5, 3), "identity", layout="OI").rule
        Diagonal(value=1.0, rows=5, columns=3, taps=1, tap=0)
    """
    return Identity(gain)


def dirac(gain: float = 1.0) -> Dirac:
    """A convolution kernel that passes channels through: out-channel d of a group is `gain` times its in-channel d.

    The weights are 0 except at the centre tap, where row d of each group has `gain` in column d. Out-channels beyond
    the in-channels stay 0 (Zagoruyko and Komodakis 2017, "DiracNets", section 3.1; torch's `dirac_` with its groups).

    The centre is index k // 2 along each spatial axis, as in torch. So a convolution with k // 2 of padding before the
    signal, as with torch's padding=k // 2, returns the signal times `gain`. For an even kernel, "same" padding puts
    only (k - 1) // 2 before the signal, and the output is shifted by one.

    Args:
        gain: The value at the centre, above 0.

    Raises:
        FaninValueError: `gain` is not above 0 or not finite.

    Example:
        >>> from fanin.plans import plan
        >>> plan((8, 2, 4), "dirac", layout="OIW", groups=4).rule
        Diagonal(value=1.0, rows=2, columns=2, taps=4, tap=2)
    """
    return Dirac(gain)


def sparse(sparsity: float, std: float = 0.01) -> Sparse:
    """N(0, std^2), but ceil(sparsity * out) weights of each input, at random positions, are exactly 0.

    As in torch's `sparse_`, each column of the matrix (out, in) has the same number of zeros, so some rows may have
    none. (Martens 2010, "Deep learning via Hessian-free optimization", section 5, fixes the number for each unit's
    incoming weights, which are the rows.) The product is computed in doubles: 0.07 * 100 is 7.000000000000001 and gives
    8 zeros.

    The positions come from a further stream of the parameter, so the other weights are those of `normal(std=std)`.

    Args:
        sparsity: The share of zeros in each column, in [0, 1].
        std: Standard deviation of the other weights, above 0.

    Raises:
        FaninValueError: `sparsity` is not in [0, 1], or `std` is not above 0.

    Example:
        >>> from fanin.plans import plan
        >>> rule = plan((64, 256), sparse(0.9), layout="OI").rule
        >>> rule.zeros, rule.draw == plan((64, 256), "normal", layout="OI").rule
        (58, True)
    """
    return Sparse(sparsity, std)
