"""Published recipes for whole models, as plain settings: which initializer for which kind of weight.

Each function returns an initializer, or several by the role of the weight. Nothing here touches a model: pass the
initializers to `fanin.init`, `fanin_torch.init_` or `fanin_jax.initializer`. LSUV, which depends on data, is in
`fanin.recipes.lsuv`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from fanin._checks import closest, finite_number, whole_number
from fanin.exceptions import FaninValueError
from fanin.initializers import Constant, Initializer, Mode, Normal, Uniform, VarianceScaling

__all__ = ["MupSetting", "ds_init", "fixup", "gpt2", "mup", "rezero", "siren_first", "siren_hidden", "t5"]


def gpt2(blocks: int, std: float = 0.02) -> dict[str, Initializer]:
    """N(0, std^2), and N(0, (std / sqrt(2 blocks))^2) for the two projections of each block into the residual stream.

    Each block adds two residual branches, attention and MLP, so there are N = 2 * blocks branches, and the sum of N
    branches has N times the variance of one.

    Radford, Wu, Child, Luan, Amodei and Sutskever 2019, "Language models are unsupervised multitask learners", section
    2.3: the weights of residual layers are scaled by 1/sqrt(N). The values 0.02, and 0.01 for positions, come from the
    released code.

    Args:
        blocks: Number of transformer blocks, at least 1.
        std: Standard deviation of the other weights, above 0.

    Returns:
        Initializers for "weight", "residual" (the output projections of attention and MLP), "embedding", "position",
        "bias" and "scale" (of a normalization layer).

    Raises:
        FaninValueError: A setting is out of range.

    Example:
        >>> gpt2(8)["residual"]
        Normal(mean=0.0, std=0.005)
    """
    branches = 2 * whole_number(blocks, "blocks", 1)
    return {
        "weight": Normal(0.0, std),
        "residual": Normal(0.0, std / math.sqrt(branches)),
        "embedding": Normal(0.0, std),
        "position": Normal(0.0, std / 2),
        "bias": Constant(0.0),
        "scale": Constant(1.0),
    }


def t5(d_model: int, d_kv: int, heads: int, d_ff: int, factor: float = 1.0) -> dict[str, Initializer]:
    """Normal weights of std factor / sqrt(fan_in), and factor / sqrt(d_model d_kv) for queries.

    T5 does not divide attention scores by sqrt(d_kv). Instead, the smaller weights of the queries do it at the start.

    Raffel et al. 2020, "Exploring the limits of transfer learning with a unified text-to-text transformer". The paper
    does not give the numbers; they are in the code, Mesh TensorFlow and its port in Transformers
    (`T5PreTrainedModel._init_weights`).

    Args:
        d_model: Width of the residual stream.
        d_kv: Width of a head.
        heads: Number of heads.
        d_ff: Width of the feed-forward layer.
        factor: A factor above 0 for every standard deviation.

    Returns:
        Initializers for "embedding" (shared), "query", "key", "value", "attention_output", "wi", "wo",
        "relative_bias" and "scale" (of a normalization layer).

    Raises:
        FaninValueError: A setting is out of range.

    Example:
        >>> t5(256, 64, 8, 1024)["wi"]
        Normal(mean=0.0, std=0.0625)
    """
    model, head, count, inner = (
        whole_number(size, what, 1)
        for size, what in ((d_model, "d_model"), (d_kv, "d_kv"), (heads, "heads"), (d_ff, "d_ff"))
    )
    number = _positive(factor, "factor", "T5 uses 1.")

    def normal(fan: int) -> Normal:
        return Normal(0.0, number / math.sqrt(fan))

    return {
        "embedding": Normal(0.0, number),
        "query": normal(model * head),
        "key": normal(model),
        "value": normal(model),
        "attention_output": normal(count * head),
        "wi": normal(model),
        "wo": normal(inner),
        "relative_bias": normal(model),
        "scale": Constant(number),
    }


@dataclass(frozen=True)
class MupSetting:
    """What the maximal update parametrization prescribes for one kind of weight.

    Attributes:
        initializer: Its initializer.
        learning_rate: The factor for the learning rate that was found at the base width.
    """

    initializer: VarianceScaling
    learning_rate: float


def mup(
    role: Literal["input", "hidden", "output"],
    width_ratio: float,
    *,
    gain: float = 1.0,
    optimizer: Literal["adam", "sgd"] = "adam",
) -> MupSetting:
    """Width rules that carry a learning rate found at a small width over to a large one.

    With r = width / base width, the variance is gain^2 / fan_in for input and hidden weights, and gain^2 / (r fan_in)
    for output weights. The learning rates of input, hidden and output weights are multiplied by 1, 1/r, 1/r (Adam) or
    by r, 1, 1/r (SGD).

    Yang, Hu et al. 2021, "Tensor programs V: tuning large neural networks via zero-shot hyperparameter transfer", table
    3, relative to the base width. Input weights map a fixed size to the width, as embeddings do; output weights map the
    width to a fixed size. Attention scores must be divided by the width of a head, not by its square root (definition
    4.1). Biases start at zero and have the learning rate of input weights.

    Args:
        role: What the weight maps.
        width_ratio: r, above 0.
        gain: The gain of the activation before the layer, for example `fanin.gain("relu")`; above 0.
        optimizer: "adam", also for similar optimizers whose steps do not depend on the size of the gradient, or "sgd".

    Raises:
        FaninValueError: A setting is out of range or unknown.

    Example:
        >>> mup("hidden", 4.0)
        MupSetting(initializer=VarianceScaling(scale=1.0, mode='fan_in', distribution='normal'), learning_rate=0.25)
    """
    ratio = _positive(width_ratio, "width_ratio", "Pass width / base width.")
    rates = {
        "adam": {"input": 1.0, "hidden": 1.0 / ratio, "output": 1.0 / ratio},
        "sgd": {"input": ratio, "hidden": 1.0, "output": 1.0 / ratio},
    }
    for what, value, known in (("optimizer", optimizer, list(rates)), ("role", role, list(rates["adam"]))):
        if value not in known:
            raise FaninValueError(
                f"{what} must be one of {', '.join(known)}. Received: {value!r}.{closest(str(value), known)}"
            )
    number = _positive(gain, "gain", 'Pass, for example, fanin.gain("relu").')
    scale = number * number / (ratio if role == "output" else 1.0)
    return MupSetting(VarianceScaling(scale, "fan_in", "normal"), rates[optimizer][role])


def siren_first(fan_in: int) -> Uniform:
    """U(-1/fan_in, 1/fan_in): the first layer of a network with sine activations, whose inputs are coordinates.

    Sitzmann, Martel, Bergman, Lindell and Wetzstein 2020, "Implicit neural representations with periodic activation
    functions", section 3.2, and the authors' code. The bound is not that of a variance scaling, so the fan-in is a
    setting.

    Raises:
        FaninValueError: `fan_in` is below 1.

    Example:
        >>> siren_first(2)
        Uniform(low=-0.5, high=0.5)
    """
    fan = whole_number(fan_in, "fan_in", 1)
    return Uniform(-1.0 / fan, 1.0 / fan)


def siren_hidden(omega: float = 30.0) -> VarianceScaling:
    """U(-b, b), b = sqrt(6 / fan_in) / omega: every other layer of a network of sin(omega (W x + b)).

    The paper named in `siren_first`, section 3.2: the pre-activations omega W x are then standard normal.

    Args:
        omega: The frequency of the sine, above 0.

    Raises:
        FaninValueError: `omega` is not above 0.

    Example:
        >>> siren_hidden(1.0) == VarianceScaling(2.0, "fan_in", "uniform")
        True
    """
    number = _positive(omega, "omega", "The paper uses 30.")
    return VarianceScaling(2.0 / (number * number), "fan_in", "uniform")


def fixup(branches: int, layers: int = 2, mode: Mode = "fan_in") -> dict[str, Initializer]:
    """He's distribution, its std times branches^(-1/(2 layers - 2)) in residual branches; zero for their last layer.

    Zhang, Dauphin and Ma 2019, "Fixup initialization: residual learning without normalization", section 3. It also has
    a scalar bias (zero) before each layer and one scalar multiplier (one) per branch. Implementations often use
    fan_out.

    Args:
        branches: L, the number of residual branches, at least 1.
        layers: m, the number of layers inside a branch, at least 2.
        mode: The fan of He's distribution.

    Returns:
        Initializers for "inner", "last" (of each branch), "classifier", "bias" and "multiplier", and "weight" for the
        layers outside the branches.

    Raises:
        FaninValueError: A setting is out of range.

    Example:
        >>> fixup(8)["inner"]
        VarianceScaling(scale=0.25, mode='fan_in', distribution='normal')
    """
    count, depth = whole_number(branches, "branches", 1), whole_number(layers, "layers", 2)
    # A power is not correctly rounded on every platform; its last digits must not reach the weights.
    shrink = 1.0 / count if depth == 2 else float(f"{count ** (-1.0 / (depth - 1)):.12g}")
    return {
        "weight": VarianceScaling(2.0, mode, "normal"),
        "inner": VarianceScaling(2.0 * shrink, mode, "normal"),
        "last": Constant(0.0),
        "classifier": Constant(0.0),
        "bias": Constant(0.0),
        "multiplier": Constant(1.0),
    }


def ds_init(layer: int, alpha: float = 1.0) -> VarianceScaling:
    """U(-b, b), b = alpha sqrt(6 / (fan_in + fan_out)) / sqrt(layer): Glorot's distribution, narrower with depth.

    Zhang, Titov and Sennrich 2019, "Improving deep Transformer with depth-scaled initialization and merged attention",
    EMNLP, where DS-Init is defined.

    Args:
        layer: The depth of the layer, counted from 1.
        alpha: A factor above 0; the paper uses at most 1.

    Raises:
        FaninValueError: A setting is out of range.

    Example:
        >>> ds_init(4)
        VarianceScaling(scale=0.25, mode='fan_avg', distribution='uniform')
    """
    depth, number = whole_number(layer, "layer", 1), _positive(alpha, "alpha", "The paper uses at most 1.")
    return VarianceScaling(number * number / depth, "fan_avg", "uniform")


def rezero() -> Constant:
    """Zero, for the scalar alpha that multiplies each residual branch: x + alpha f(x).

    Bachlechner, Majumder, Mao, Cottrell and McAuley 2021, "ReZero is all you need: fast convergence at large depth",
    equation 1. The weights of the branch itself may have any initializer.

    Example:
        >>> rezero()
        Constant(value=0.0)
    """
    return Constant(0.0)


def _positive(value: object, what: str, remedy: str) -> float:
    number = finite_number(value, what)
    if number <= 0:
        raise FaninValueError(f"{what} must be above 0. Received: {number}. {remedy}")
    return number
