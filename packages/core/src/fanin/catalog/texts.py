"""The descriptions of fanin's own initializers, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

__all__ = ["TEXTS", "Text"]


@dataclass(frozen=True)
class Text:
    """The description of one initializer; see `fanin.catalog.Entry`.

    Attributes:
        name: Its name.
        formula: The distribution, in one line.
        when: When to use it.
        source: Where it comes from, with the equation.
        elsewhere: How functions of the same name differ in other frameworks.
        level: "exact" or "close".
        settings: The settings of its example, if it needs some.
    """

    name: str
    formula: str
    when: str
    source: str = ""
    elsewhere: str = ""
    level: Literal["exact", "close"] = "exact"
    settings: Mapping[str, Any] = field(default_factory=dict)


_HE: Final = 'He, Zhang, Ren and Sun 2015, "Delving deep into rectifiers", '
_GLOROT: Final = 'Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", '
_LECUN: Final = 'LeCun, Bottou, Orr and Müller 1998, "Efficient BackProp", '
_TRUNCATED: Final = "truncated at 2 parent standard deviations, with the std corrected for it"

TEXTS: Final = (
    Text(
        "zeros",
        "every weight is 0",
        (
            "Biases, and the last layer of a residual branch. In all layers of a network it would keep the units "
            "of each layer equal forever."
        ),
    ),
    Text(
        "ones",
        "every weight is 1",
        "The scale of a normalization layer.",
    ),
    Text(
        "constant",
        "every weight is value",
        "Biases that should not start at 0.",
        elsewhere="Rounded to the dtype; a value that overflows it is an error.",
        settings={"value": 0.5},
    ),
    Text(
        "random",
        "N(0, 0.01^2)",
        "A network of a few layers, or a demonstration of what weights that are too small do to a deep one.",
        source=(
            'Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural '
            'networks", section 5'
        ),
    ),
    Text(
        "normal",
        "N(mean, std^2), std = 0.01 by default",
        "A published std, such as the 0.02 of GPT-2 and BERT.",
        elsewhere=(
            "The default std is 1 in torch's normal_, 0.01 in JAX and 0.05 in Keras. No weight here is beyond 6.23 std."
        ),
    ),
    Text(
        "uniform",
        "U(low, high)",
        "A published interval.",
        elsewhere=(
            "torch's default is (0, 1), Keras's is (-0.05, 0.05), and JAX's uniform(scale) is (0, scale), whose "
            "mean is not 0. Here the weights are symmetric about the midpoint and never equal to it."
        ),
        settings={"low": -0.05, "high": 0.05},
    ),
    Text(
        "truncated_normal",
        "N(mean, s^2) truncated to [mean + lower s, mean + upper s], with s such that the std of the weights is std",
        "A published truncated distribution; pass the std that the weights should have.",
        elsewhere=(
            "In other frameworks, std is the parent's: JAX's and Keras's truncated_normal(0.02) have std 0.0176. "
            "torch's trunc_normal_ has absolute bounds, so std=0.02 with the default bounds of +-2 truncates nothing."
        ),
    ),
    Text(
        "variance_scaling",
        ("mean 0 and variance scale / n, n = fan_in, fan_out, (fan_in + fan_out) / 2 or sqrt(fan_in fan_out)"),
        "Any member of the family without a name of its own: another gain, the geometric mean.",
        source=_HE + "equations 10 and 14; " + _GLOROT + "equation 12",
        elsewhere=(
            'JAX calls the geometric mean "fan_geo_avg"; Keras does not have it, and its distribution="normal" is '
            "the truncated normal."
        ),
        settings={"scale": 2.0, "mode": "fan_in", "distribution": "normal"},
    ),
    Text(
        "he_normal",
        (
            "N(0, 2 / ((1 + a^2) fan_in)), where a is the negative slope; with activation=phi, "
            "N(0, 1 / (E[phi(z)^2] fan_in))"
        ),
        "ReLU networks of any depth and, with activation=, networks with any other activation.",
        source=_HE + "equations 10 and 15",
        elsewhere=(
            "torch's kaiming_normal_ is the same if the kernel is neither grouped (fan_out) nor transposed. "
            "JAX's and Keras's he_normal is truncated at 2.27 std: that is he_truncated_normal here."
        ),
    ),
    Text(
        "he_uniform",
        "U(-b, b), b = sqrt(6 / ((1 + a^2) fan_in)), where a is the negative slope",
        "Like he_normal, with bounded weights.",
        source=_HE + "equations 10 and 15",
        elsewhere=(
            "torch.nn.Linear by default calls kaiming_uniform_ with a = sqrt(5), which is U(-1/sqrt(fan_in), "
            "1/sqrt(fan_in)), a sixth of the variance: that is torch:linear_default here."
        ),
    ),
    Text(
        "he_truncated_normal",
        "N(0, 2 / ((1 + a^2) fan_in)), " + _TRUNCATED,
        "Like he_normal, without outliers.",
        source=_HE + "equation 10; truncated as in JAX and Keras",
        elsewhere="JAX and Keras call it he_normal.",
    ),
    Text(
        "glorot_normal",
        "N(0, 2 / (fan_in + fan_out))",
        "tanh and linear layers, and attention projections.",
        source=_GLOROT + "equation 12",
        elsewhere="JAX's and Keras's glorot_normal is truncated: that is glorot_truncated_normal here.",
    ),
    Text(
        "glorot_uniform",
        "U(-b, b), b = sqrt(6 / (fan_in + fan_out))",
        "tanh and linear layers; Keras's default for every layer.",
        source=_GLOROT + "equation 16",
        elsewhere=(
            "torch, JAX and Keras do not divide fan_out by the groups, and Keras counts the fan_in of a depthwise "
            "kernel over all channels."
        ),
    ),
    Text(
        "glorot_truncated_normal",
        "N(0, 2 / (fan_in + fan_out)), " + _TRUNCATED,
        "Like glorot_normal, without outliers.",
        source=_GLOROT + "equation 12; truncated as in JAX and Keras",
        elsewhere="JAX and Keras call it glorot_normal.",
    ),
    Text(
        "lecun_normal",
        "N(0, 1 / fan_in)",
        "SELU networks, and linear layers that should preserve the variance of the signal.",
        source=_LECUN + "equation 16",
        elsewhere=(
            "JAX's and Keras's lecun_normal, the default in Flax, is truncated: that is lecun_truncated_normal here. "
            "torch has no such function."
        ),
    ),
    Text(
        "lecun_uniform",
        "U(-b, b), b = sqrt(3 / fan_in)",
        "Like lecun_normal, with bounded weights.",
        source=_LECUN + "equation 16",
    ),
    Text(
        "lecun_truncated_normal",
        "N(0, 1 / fan_in), " + _TRUNCATED,
        "Like lecun_normal, without outliers.",
        source=_LECUN + "equation 16; truncated as in JAX and Keras",
        elsewhere="JAX, Flax and Keras call it lecun_normal.",
    ),
    Text(
        "orthogonal",
        (
            "gain Q, where Q is uniform among the matrices (out, in * kernel) with orthonormal rows or columns, "
            "one per group"
        ),
        "Recurrent weights, very deep linear or tanh networks, and the first step of LSUV.",
        source=(
            'Saxe, McClelland and Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning in deep '
            'linear neural networks"; the sign of Q as in Mezzadri 2007, section 5'
        ),
        elsewhere="torch, JAX and Keras make one matrix for all groups together.",
        level="close",
    ),
    Text(
        "delta_orthogonal",
        "gain Q at the centre tap, where Q is a uniform orthogonal matrix (out, in), and 0 elsewhere",
        "Convolutional networks of thousands of layers without normalization.",
        source=(
            'Xiao, Bahri, Sohl-Dickstein, Schoenholz and Pennington 2018, "Dynamical isometry and a mean field '
            'theory of CNNs", algorithm 2'
        ),
        elsewhere="The centre is index k // 2; in JAX it is (k - 1) // 2, another tap if the kernel is even.",
        level="close",
    ),
    Text(
        "identity",
        "gain on the diagonal, 0 elsewhere",
        "Recurrent weights of ReLU networks, and layers that should start as the identity.",
        source=(
            'Le, Jaitly and Hinton 2015, "A simple way to initialize recurrent networks of rectified linear units"'
        ),
        elsewhere="The same as torch's eye_ and Keras's Identity, for two axes; for a convolution, see dirac.",
    ),
    Text(
        "dirac",
        "gain at the centre tap where the out-channel and in-channel of a group are equal, 0 elsewhere",
        "Convolutions that should start by passing their channels through.",
        source='Zagoruyko and Komodakis 2017, "DiracNets", section 3.1',
        elsewhere="torch's dirac_ takes the groups as an argument; here they are the convolution's.",
    ),
    Text(
        "sparse",
        "N(0, std^2), but ceil(sparsity out) weights of each input are 0",
        "Wide layers whose units should start out different from each other.",
        source='Martens 2010, "Deep learning via Hessian-free optimization", section 5',
        elsewhere=(
            "torch's sparse_ has the same distribution, but ignores its generator argument for the positions of the "
            "zeros."
        ),
        settings={"sparsity": 0.9},
    ),
)
"""In the order of the documentation."""
