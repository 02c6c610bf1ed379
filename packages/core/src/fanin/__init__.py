"""fanin: one specification of weight initialization, with the same bits in every array library.

`fanin.init` draws one tensor, and `fanin.init_parameters` draws the parameters of a network. `fanin.plan` describes a
draw as data, without drawing. Importing this package imports no array library.

Functions are here, and each class is in its module: initializers in `fanin.initializers`, errors in `fanin.exceptions`,
the geometry of a tensor in `fanin.layout`, what a backend reads in `fanin.plans`, and its interface in
`fanin.contract`.
"""

from __future__ import annotations

import importlib
import typing

from fanin.api import draw, init, init_parameters
from fanin.exceptions import FaninError
from fanin.gains import backward_gain, gain
from fanin.initializers import Initializer
from fanin.initializers.names import get_initializer, initializer_names, profile
from fanin.initializers.presets import (
    constant,
    delta_orthogonal,
    dirac,
    glorot_normal,
    glorot_truncated_normal,
    glorot_uniform,
    he_normal,
    he_truncated_normal,
    he_uniform,
    identity,
    kaiming_normal,
    kaiming_truncated_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_truncated_normal,
    lecun_uniform,
    normal,
    ones,
    orthogonal,
    random,
    sparse,
    truncated_normal,
    uniform,
    variance_scaling,
    xavier_normal,
    xavier_truncated_normal,
    xavier_uniform,
    zeros,
)
from fanin.models import Parameter, Scheme, diff
from fanin.plans import SPEC_VERSION, plan
from fanin.registry import available_backends, backend, known_backends

if typing.TYPE_CHECKING:
    from fanin.auditing.audit import audit
    from fanin.locking.lock import lock
    from fanin.locking.verify import verify
else:
    _LATER = {"audit": "fanin.auditing.audit", "lock": "fanin.locking.lock", "verify": "fanin.locking.verify"}

    def __getattr__(name: str) -> object:
        """Import what most programs do not use when it is first used: a fifth of the time of the import."""
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(importlib.import_module(_LATER[name]), name)
        return value


__version__ = "0.1.0"

__all__ = [
    "SPEC_VERSION",
    "FaninError",
    "Initializer",
    "Parameter",
    "Scheme",
    "__version__",
    "audit",
    "available_backends",
    "backend",
    "backward_gain",
    "constant",
    "delta_orthogonal",
    "diff",
    "dirac",
    "draw",
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
    "lock",
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
    "verify",
    "xavier_normal",
    "xavier_truncated_normal",
    "xavier_uniform",
    "zeros",
]
