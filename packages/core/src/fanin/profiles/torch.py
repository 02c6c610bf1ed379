"""The distributions of torch.nn.init, and of the default weights of torch's layers (torch 2.13).

torch's uniform weights fill [a, b) or (a, b); fanin's are symmetric about the midpoint and end half a step of 2^-24
inside the bounds. Apart from that, the distributions are equal.
"""

from __future__ import annotations

import math
from typing import Final

from fanin._checks import closest, finite_number
from fanin.exceptions import FaninValueError
from fanin.initializers import Constant, Distribution, Initializer, Mode, Normal, Uniform
from fanin.initializers.matrices import Identity, Sparse
from fanin.profiles.matrices import UngroupedDirac, UngroupedOrthogonal
from fanin.profiles.record import Recorder, parent_truncated
from fanin.profiles.scaling import FrameworkScaling

__all__ = ["PROFILES", "squared_gain"]

_torch: Final = Recorder("torch", "torch.nn.init")
_FANS: Final = (
    "torch counts fan_out without the groups, and takes the out-channels of a transposed kernel for its in-channels."
)

_SQUARED_GAINS: Final = {
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d"), 1.0),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "sigmoid"), 1.0),
    "tanh": 25.0 / 9.0,
    "relu": 2.0,
    "selu": 0.5625,
}


def squared_gain(nonlinearity: str, a: float = 0.01) -> float:
    """Return the square of torch's `calculate_gain`: 5/3 for tanh, 3/4 for selu, 1 for sigmoid, all empirical values.

    Raises:
        FaninValueError: torch does not know the name.
    """
    if nonlinearity == "leaky_relu":
        slope = finite_number(a, "a")
        return 2.0 / (1.0 + slope * slope)
    if nonlinearity not in _SQUARED_GAINS:
        accepted = ["leaky_relu", *_SQUARED_GAINS]
        raise FaninValueError(
            f"torch has no gain for {nonlinearity!r}.{closest(str(nonlinearity), accepted)} Accepted: "
            f"{', '.join(accepted)}. For any other activation, use fanin.he_normal(activation=...)."
        )
    return _SQUARED_GAINS[nonlinearity]


def _kaiming(distribution: Distribution, a: float, mode: Mode, nonlinearity: str) -> Initializer:
    if mode not in ("fan_in", "fan_out"):
        raise FaninValueError(f"mode must be fan_in or fan_out. Received: {mode!r}.{closest(str(mode), ['fan_in'])}")
    return FrameworkScaling(squared_gain(nonlinearity, a), mode, distribution, "torch")


def _squared(gain: float) -> float:
    number = finite_number(gain, "gain")
    return number * number


@_torch.law_of("zeros_")
def zeros() -> Initializer:
    """Every weight is 0."""
    return Constant(0.0)


@_torch.law_of("ones_")
def ones() -> Initializer:
    """Every weight is 1."""
    return Constant(1.0)


@_torch.law_of("constant_")
def constant(val: float) -> Initializer:
    """Every weight is val."""
    return Constant(val)


@_torch.law_of("uniform_")
def uniform(a: float = 0.0, b: float = 1.0) -> Initializer:
    """U(a, b).

    The defaults are 0 and 1, so the mean is one half.
    """
    return Uniform(a, b)


@_torch.law_of("normal_")
def normal(mean: float = 0.0, std: float = 1.0) -> Initializer:
    """N(mean, std^2).

    The default std is 1, a hundred times fanin's.
    """
    return Normal(mean, std)


@_torch.law_of("trunc_normal_")
def trunc_normal(mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Initializer:
    """N(mean, std^2) truncated to [a, b].

    The bounds are absolute, not in standard deviations: with std=0.02 and the default bounds, they lie at 100 standard
    deviations, and nothing is truncated. std is that of the parent: with std=1, the weights have std 0.8796.
    """
    sigma = Normal(mean, std)
    lower, upper = finite_number(a, "a"), finite_number(b, "b")
    return parent_truncated(sigma.mean, sigma.std, (lower - sigma.mean) / sigma.std, (upper - sigma.mean) / sigma.std)


@_torch.law_of("xavier_uniform_", remark=_FANS)
def xavier_uniform(gain: float = 1.0) -> Initializer:
    """U(-b, b), b = gain sqrt(6 / (fan_in + fan_out)).

    For the packed (3E, E) weight of torch's attention, the formula gives b = sqrt(6 / 4E), which is less than the
    sqrt(6 / 2E) of each of its three (E, E) matrices.
    """
    return FrameworkScaling(_squared(gain), "fan_avg", "uniform", "torch")


@_torch.law_of("xavier_normal_", remark=_FANS)
def xavier_normal(gain: float = 1.0) -> Initializer:
    """N(0, gain^2 2 / (fan_in + fan_out))."""
    return FrameworkScaling(_squared(gain), "fan_avg", "normal", "torch")


@_torch.law_of("kaiming_uniform_", remark=_FANS)
def kaiming_uniform(a: float = 0.0, mode: Mode = "fan_in", nonlinearity: str = "leaky_relu") -> Initializer:
    """U(-b, b), b = gain sqrt(3 / fan), gain = sqrt(2 / (1 + a^2)) for nonlinearity="leaky_relu".

    torch's gains for tanh (5/3) and selu (3/4) are not those of the second moment (1.5925 and 1).
    """
    return _kaiming("uniform", a, mode, nonlinearity)


@_torch.law_of("kaiming_normal_", remark=_FANS)
def kaiming_normal(a: float = 0.0, mode: Mode = "fan_in", nonlinearity: str = "leaky_relu") -> Initializer:
    """N(0, gain^2 / fan), gain = sqrt(2 / (1 + a^2)) for nonlinearity="leaky_relu".

    Not truncated, unlike JAX's and Keras's he_normal.
    """
    return _kaiming("normal", a, mode, nonlinearity)


@_torch.law_of("orthogonal_")
def orthogonal(gain: float = 1.0) -> Initializer:
    """W = gain Q, where Q is uniform among the matrices (out, in * kernel) with orthonormal rows or columns.

    It is one matrix, whatever the groups, so the filters of a depthwise kernel have norm sqrt(kernel / channels);
    fanin's orthogonal makes one per group. Transposed kernels are rejected, since torch takes out for in.
    """
    return UngroupedOrthogonal(gain)


@_torch.law_of("dirac_")
def dirac(groups: int = 1) -> Initializer:
    """1 at the centre tap where the out-channel and in-channel of a group are equal, and 0 elsewhere.

    The groups are a setting of the function, not those of the convolution. The centre is index k // 2.
    """
    return UngroupedDirac(1.0, groups)


@_torch.law_of("eye_")
def eye() -> Initializer:
    """The identity matrix."""
    return Identity(1.0)


@_torch.law_of("sparse_")
def sparse(sparsity: float, std: float = 0.01) -> Initializer:
    """N(0, std^2), but ceil(sparsity out) weights of each input are 0.

    torch ignores its generator argument for the positions of the zeros; here they come from the parameter's stream.
    """
    return Sparse(sparsity, std)


@_torch.law_of("the default weights of torch.nn.Linear")
def linear_default() -> Initializer:
    """U(-b, b), b = 1 / sqrt(fan_in).

    torch calls kaiming_uniform_ with a = sqrt(5): gain = sqrt(2 / (1 + 5)) = sqrt(1/3), so b = sqrt(1/3) sqrt(3 /
    fan_in) = 1 / sqrt(fan_in). The sqrt(5) is not the slope of a leaky ReLU: it was chosen so that kaiming_uniform_
    gives the bound of Lua Torch. The variance, 1 / (3 fan_in), is a sixth of He's, so the mean square of the signal in
    a deep ReLU network shrinks by a factor of six at each layer.
    """
    return FrameworkScaling(1.0 / 3.0, "fan_in", "uniform", "torch")


@_torch.law_of("the default weights of torch.nn.Conv1d, Conv2d, Conv3d and their transposed variants")
def conv_default() -> Initializer:
    """U(-b, b), b = 1 / sqrt(fan_in).

    The same as linear_default. The fan_in of a transposed kernel is counted as out-channels * kernel.
    """
    return FrameworkScaling(1.0 / 3.0, "fan_in", "uniform", "torch")


@_torch.law_of("the default bias of torch.nn.Linear and of the convolutions")
def bias_default(fan_in: float) -> Initializer:
    """U(-b, b), b = 1 / sqrt(fan_in), with the fan_in of the layer's weights.

    The shape of a bias does not show the fan-in of its layer, so it is a setting.
    """
    return _symmetric(fan_in, "fan_in")


@_torch.law_of("the default weights and biases of torch.nn.RNN, LSTM and GRU")
def rnn_default(hidden_size: float) -> Initializer:
    """U(-b, b), b = 1 / sqrt(hidden_size), for every weight and bias."""
    return _symmetric(hidden_size, "hidden_size")


def _symmetric(size: float, what: str) -> Uniform:
    number = finite_number(size, what)
    if number <= 0:
        raise FaninValueError(f"{what} must be above 0. Received: {number}.")
    bound = 1.0 / math.sqrt(number)
    return Uniform(-bound, bound)


@_torch.law_of("the default weights of torch.nn.Embedding")
def embedding_default() -> Initializer:
    """N(0, 1).

    In torch, the row of padding_idx, if there is one, is 0.
    """
    return Normal(0.0, 1.0)


@_torch.law_of("the default weight in_proj_weight of torch.nn.MultiheadAttention")
def attention_default() -> Initializer:
    """U(-b, b), b = sqrt(6 / (fan_in + fan_out)), of the packed (3E, E) weight as a whole: sqrt(6 / 4E).

    For three matrices (E, E) drawn with fanin's glorot_uniform, the bound would be sqrt(6 / 2E).
    """
    return xavier_uniform()


PROFILES: Final = _torch.profiles
