"""What there is to say of fanin's own initializers, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

__all__ = ["TEXTS", "Text"]


@dataclass(frozen=True)
class Text:
    """The words for one initializer; see `fanin.catalog.Entry`.

    Attributes:
        name: Its name.
        formula: The law, in one line.
        when: What it is for.
        source: Where it comes from, with the equation.
        elsewhere: How functions of the same name differ.
        level: "exact" or "close".
        settings: The settings of its example, where it needs some.
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
_TRUNCATED: Final = "truncated at 2 parent standard deviations, std corrected for it"

TEXTS: Final = (
    Text(
        "zeros",
        "every weight is 0",
        (
            "Biases, and the last weights of a residual branch. As weights of a whole network it keeps all "
            "units of a layer equal for good."
        ),
    ),
    Text(
        "ones",
        "every weight is 1",
        "The scale of a normalization.",
    ),
    Text(
        "constant",
        "every weight is value",
        "Biases that shall start elsewhere than at 0.",
        elsewhere="Rounded to the dtype; a value that overflows it is an error.",
        settings={"value": 0.5},
    ),
    Text(
        "random",
        "N(0, 0.01^2)",
        "A network of a few layers, or to show what a deep one does with weights that are too small.",
        source=(
            'Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural '
            'networks", section 5'
        ),
    ),
    Text(
        "normal",
        "N(mean, std^2), std = 0.01 by default",
        "A published std, such as the 0.02 of GPT-2 and BERT.",
        elsewhere=("The default std is 1 in torch's normal_, 0.01 in JAX and 0.05 in Keras. Weights end at 6.23 std."),
    ),
    Text(
        "uniform",
        "U(low, high)",
        "A published interval.",
        elsewhere=(
            "torch's default is (0, 1), Keras's (-0.05, 0.05), and JAX's uniform(scale) is (0, scale), whose "
            "mean is not 0. Symmetric about the middle, and never the middle itself."
        ),
        settings={"low": -0.05, "high": 0.05},
    ),
    Text(
        "truncated_normal",
        "N(mean, s^2) truncated to [mean + lower s, mean + upper s], s such that the weights' std is std",
        "A published truncated law; give the std that the weights shall have.",
        elsewhere=(
            "Elsewhere std is the parent's: JAX's and Keras's truncated_normal(0.02) have std 0.0176. torch's "
            "trunc_normal_ has absolute bounds, so std=0.02 with the default bounds of +-2 truncates nothing."
        ),
    ),
    Text(
        "variance_scaling",
        ("mean 0 and variance scale / n, n = fan_in, fan_out, (fan_in + fan_out) / 2 or sqrt(fan_in fan_out)"),
        "Any member of the family that has no name: another gain, the geometric mean.",
        source=_HE + "equations 10 and 14; " + _GLOROT + "equation 12",
        elsewhere=(
            'JAX calls the geometric mean "fan_geo_avg"; Keras has none, and means the truncated law by '
            'distribution="normal".'
        ),
        settings={"scale": 2.0, "mode": "fan_in", "distribution": "normal"},
    ),
    Text(
        "he_normal",
        ("N(0, 2 / ((1 + a^2) fan_in)), a the negative slope; with activation=phi, N(0, 1 / (E[phi(z)^2] fan_in))"),
        "ReLU networks of any depth, and with activation= those of any other activation.",
        source=_HE + "equations 10 and 15",
        elsewhere=(
            "torch's kaiming_normal_ is this law where the kernel is neither grouped (fan_out) nor transposed. "
            "JAX's and Keras's he_normal is truncated at 2.27 std: here he_truncated_normal."
        ),
    ),
    Text(
        "he_uniform",
        "U(-b, b), b = sqrt(6 / ((1 + a^2) fan_in)), a the negative slope",
        "As he_normal, with bounds.",
        source=_HE + "equations 10 and 15",
        elsewhere=(
            "torch.nn.Linear's default calls kaiming_uniform_ with a = sqrt(5), which is U(-1/sqrt(fan_in), "
            "1/sqrt(fan_in)), a sixth of the variance: here torch:linear_default."
        ),
    ),
    Text(
        "he_truncated_normal",
        "N(0, 2 / ((1 + a^2) fan_in)), " + _TRUNCATED,
        "As he_normal, without outliers.",
        source=_HE + "equation 10; truncated as in JAX and Keras",
        elsewhere="It is what JAX and Keras call he_normal.",
    ),
    Text(
        "glorot_normal",
        "N(0, 2 / (fan_in + fan_out))",
        "tanh and linear layers, attention projections.",
        source=_GLOROT + "equation 12",
        elsewhere="JAX's and Keras's glorot_normal is truncated: here glorot_truncated_normal.",
    ),
    Text(
        "glorot_uniform",
        "U(-b, b), b = sqrt(6 / (fan_in + fan_out))",
        "tanh and linear layers; Keras's default for every layer.",
        source=_GLOROT + "equation 16",
        elsewhere=(
            "torch, JAX and Keras do not divide fan_out by the groups, and Keras counts a depthwise kernel's "
            "fan_in over all channels."
        ),
    ),
    Text(
        "glorot_truncated_normal",
        "N(0, 2 / (fan_in + fan_out)), " + _TRUNCATED,
        "As glorot_normal, without outliers.",
        source=_GLOROT + "equation 12; truncated as in JAX and Keras",
        elsewhere="It is what JAX and Keras call glorot_normal.",
    ),
    Text(
        "lecun_normal",
        "N(0, 1 / fan_in)",
        "SELU networks, and linear layers that keep the signal's variance.",
        source=_LECUN + "equation 16",
        elsewhere=(
            "JAX's and Keras's lecun_normal, Flax's default, is truncated: here lecun_truncated_normal. torch has none."
        ),
    ),
    Text(
        "lecun_uniform",
        "U(-b, b), b = sqrt(3 / fan_in)",
        "As lecun_normal, with bounds.",
        source=_LECUN + "equation 16",
    ),
    Text(
        "lecun_truncated_normal",
        "N(0, 1 / fan_in), " + _TRUNCATED,
        "As lecun_normal, without outliers.",
        source=_LECUN + "equation 16; truncated as in JAX and Keras",
        elsewhere="It is what JAX, Flax and Keras call lecun_normal.",
    ),
    Text(
        "orthogonal",
        ("gain Q, Q uniform among the matrices (out, in * kernel) with orthonormal rows or columns, one a group"),
        "Recurrent weights, very deep linear or tanh networks, the first step of LSUV.",
        source=(
            'Saxe, McClelland and Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning in deep '
            'linear neural networks"; the sign of Q as in Mezzadri 2007, section 5'
        ),
        elsewhere="torch, JAX and Keras make one matrix of all groups.",
        level="close",
    ),
    Text(
        "delta_orthogonal",
        "0, but gain Q at the centre tap, Q a uniform orthogonal matrix (out, in)",
        "Convolutional networks of thousands of layers, without normalization.",
        source=(
            'Xiao, Bahri, Sohl-Dickstein, Schoenholz and Pennington 2018, "Dynamical isometry and a mean field '
            'theory of CNNs", algorithm 2'
        ),
        elsewhere="The centre is index k // 2; JAX's is (k - 1) // 2, another tap where the kernel is even.",
        level="close",
    ),
    Text(
        "identity",
        "gain on the diagonal, 0 elsewhere",
        "Recurrent weights of ReLU networks, and layers that shall start as nothing.",
        source=(
            'Le, Jaitly and Hinton 2015, "A simple way to initialize recurrent networks of rectified linear units"'
        ),
        elsewhere="torch's eye_ and Keras's Identity, for two axes as here; for a convolution see dirac.",
    ),
    Text(
        "dirac",
        "gain at the centre tap where out- and in-channel of a group agree, 0 elsewhere",
        "Convolutions that shall start by passing their channels on.",
        source='Zagoruyko and Komodakis 2017, "DiracNets", section 3.1',
        elsewhere="torch's dirac_ takes the groups as an argument; here they are the convolution's.",
    ),
    Text(
        "sparse",
        "N(0, std^2), but ceil(sparsity out) weights of each input are 0",
        "Wide layers whose units shall start different from each other.",
        source='Martens 2010, "Deep learning via Hessian-free optimization", section 5',
        elsewhere=(
            "torch's sparse_ has the same law, and takes no notice of its generator argument for the zeros' places."
        ),
        settings={"sparsity": 0.9},
    ),
)
"""In the order of the documentation."""
