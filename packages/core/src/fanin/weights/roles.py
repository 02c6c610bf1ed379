"""What a tensor is by the class of the module that has it: the scale or the shift of a norm, or no weight at all."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

__all__ = ["Role", "is_random_state", "role_in"]

Role: TypeAlias = Literal["", "scale", "shift", "random state"]
"""Of a norm its scale, which starts at 1, or its shift, which starts at 0; the state of a generator; or unknown."""

_NORM: Final = re.compile(r"Norm(?!al)|Normalization")
_OTHER: Final = re.compile(
    r"Weight_?Norm|Spectral|Grad|Loss|Pre_?Norm|Post_?Norm|(?:Embedding|Linear|Dense|Conv(?:\d[dD])?|Attention|MLP)$"
)
"""Norms of weights and of gradients, and modules that only hold a norm, or are normed."""

_SHIFT: Final = re.compile(r"bias|beta|shift|offset|^b$", re.IGNORECASE)
_STATISTIC: Final = re.compile(r"running|moving|mean|var|num_|count|eps|momentum", re.IGNORECASE)

_GENERATOR: Final = re.compile(r"^(?:Rng\w*|SeedGenerator)$")
_STATE: Final = re.compile(r"(?:^|[./])rngs?[./](?:.*[./])?(?:key|count)$")
"""What Flax calls the keys and the counters of its generators."""


def role_in(owner: object, key: str, axes: int) -> Role:
    """Return what a tensor is to the module that has it, by the names of the module's class and of its bases.

    Args:
        owner: The module.
        key: What the module calls the tensor.
        axes: How many axes it has.

    Example:
        >>> class LlamaRMSNorm: ...
        >>> role_in(LlamaRMSNorm(), "gain", 1), role_in(LlamaRMSNorm(), "bias", 1), role_in(object(), "weight", 1)
        ('scale', 'shift', '')
    """
    names = [base.__name__ for base in type(owner).__mro__]
    if any(map(_GENERATOR.search, names)):
        return "random state"
    if not axes or _STATISTIC.search(key) or _OTHER.search(names[0]) or not any(map(_NORM.search, names)):
        return ""
    return "shift" if _SHIFT.search(key) else "scale"


def is_random_state(name: str, dtype: str) -> bool:
    """Return whether a tensor of a file is called and stored as the keys and counters of Flax's generators are.

    Example:
        >>> is_random_state("dropout.rngs.default.count", "uint32"), is_random_state("rngs.key", "float32")
        (True, False)
    """
    return dtype.startswith(("uint32", "key<")) and _STATE.search(name) is not None
