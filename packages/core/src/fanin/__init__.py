"""fanin: one specification of weight initialization, and the same bits on every array library.

`fanin.init` draws one tensor, `fanin.init_parameters` a network's; `fanin.plan` says what they would do, as data.
Importing this package imports no array library.
"""

from __future__ import annotations

from fanin.api import draw, init, init_parameters
from fanin.contract import Backend, Capabilities, CompilingBackend, Description
from fanin.dtypes import DTYPES, DType
from fanin.exceptions import (
    BackendConflictError,
    BackendImportError,
    BackendNotFoundError,
    BackendNotInstalledError,
    FaninError,
    FaninTypeError,
    FaninValueError,
    SpecVersionError,
)
from fanin.gains import backward_gain, gain
from fanin.initializers import Constant, Initializer, Normal, TruncatedNormal, Uniform, VarianceScaling
from fanin.keys import further_key, named_key
from fanin.layout import Axis, Fans, Geometry
from fanin.matrices import DeltaOrthogonal, Dirac, Identity, Orthogonal, Sparse
from fanin.matrix_presets import delta_orthogonal, dirac, identity, orthogonal, sparse
from fanin.plans import SPEC_VERSION, Plan, plan
from fanin.presets import (
    constant,
    get_initializer,
    glorot_normal,
    glorot_truncated_normal,
    glorot_uniform,
    he_normal,
    he_truncated_normal,
    he_uniform,
    initializer_names,
    kaiming_normal,
    kaiming_truncated_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_truncated_normal,
    lecun_uniform,
    normal,
    ones,
    profile,
    random,
    truncated_normal,
    uniform,
    variance_scaling,
    xavier_normal,
    xavier_truncated_normal,
    xavier_uniform,
    zeros,
)
from fanin.registry import available_backends, backend, known_backends
from fanin.rules import Diagonal, Draw, Fill, Haar, Masked

__version__ = "0.1.0"

__all__ = [
    "DTYPES",
    "SPEC_VERSION",
    "Axis",
    "Backend",
    "BackendConflictError",
    "BackendImportError",
    "BackendNotFoundError",
    "BackendNotInstalledError",
    "Capabilities",
    "CompilingBackend",
    "Constant",
    "DType",
    "DeltaOrthogonal",
    "Description",
    "Diagonal",
    "Dirac",
    "Draw",
    "FaninError",
    "FaninTypeError",
    "FaninValueError",
    "Fans",
    "Fill",
    "Geometry",
    "Haar",
    "Identity",
    "Initializer",
    "Masked",
    "Normal",
    "Orthogonal",
    "Plan",
    "Sparse",
    "SpecVersionError",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
    "__version__",
    "available_backends",
    "backend",
    "backward_gain",
    "constant",
    "delta_orthogonal",
    "dirac",
    "draw",
    "further_key",
    "gain",
    "get_initializer",
    "glorot_normal",
    "glorot_truncated_normal",
    "glorot_uniform",
    "he_normal",
    "he_truncated_normal",
    "he_uniform",
    "identity",
    "init",
    "init_parameters",
    "initializer_names",
    "kaiming_normal",
    "kaiming_truncated_normal",
    "kaiming_uniform",
    "known_backends",
    "lecun_normal",
    "lecun_truncated_normal",
    "lecun_uniform",
    "named_key",
    "normal",
    "ones",
    "orthogonal",
    "plan",
    "profile",
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
