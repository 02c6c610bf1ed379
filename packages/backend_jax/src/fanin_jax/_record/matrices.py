"""Orthogonal matrices: the first factor of a QR decomposition, with the signs of the second one's diagonal.

(With LAPACK's own signs the factor is not uniformly distributed.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from fanin.initializers import Normal
from fanin.initializers.names import profile
from fanin_jax._record.laws import Law, Orthonormal
from fanin_jax._record.ref import Ref
from fanin_jax._record.tape import Operation
from fanin_jax._record.values import Filled, Source, Triangle, Value

if TYPE_CHECKING:
    from fanin_jax._record.fold import Fold

__all__ = ["factored", "signed"]


def factored(operation: Operation, value: Value, fold: Fold) -> Sequence[Value] | None:
    """Return the factors of a QR decomposition of normal numbers, each matrix from one key."""
    law = value.law if isinstance(value, Filled) else None
    if law is None or not isinstance(law.drawn, Normal) or law.drawn.mean != 0 or operation.params.get("pivoting"):
        return None
    shape, made = (fold.tape.avals[number].shape for number in (operation.inputs[0], operation.outputs[0]))
    source = fold.sources[law.source]
    whole = law.ref.is_consecutive and law.ref.offset == 0 and law.ref.size == source.size * len(source.keys)
    if not whole or source.size != shape[-2] * shape[-1] or made[-1] != min(shape[-2:]):
        return None
    matrix = fold.source(Source(source.keys, tuple(made[-2:]), ("orthogonal", source.shape)))
    return [Filled(Law(Orthonormal(), matrix, Ref.whole(made))), Triangle(operation.outputs[1])]


def signed(operation: Operation, inputs: Sequence[Value], fold: Fold) -> Filled | None:
    """Return an orthogonal matrix, where the first factor gets the signs of the second one's diagonal."""
    for place in (0, 1):
        value, other = inputs[place], inputs[1 - place]
        law = value.law if isinstance(value, Filled) else None
        if law is None or not isinstance(law.drawn, Orthonormal) or not isinstance(other, Triangle):
            continue
        shape = fold.tape.avals[operation.inputs[place]].shape
        factor = fold.tape.makers[other.number].outputs[0]
        same = fold.values[factor] == Filled(law) and law.ref == Ref.whole(shape)
        if same and _are_signs(operation.inputs[1 - place], other.number, shape, fold):
            return Filled(law.becomes(profile("jax:orthogonal")))
    return None


def _are_signs(number: int, triangle: int, shape: tuple[int, ...], fold: Fold) -> bool:
    """Return whether a value is the signs of a factor's diagonal: tried on numbers."""
    aval = fold.tape.avals[triangle]
    trial = np.cos(1.0 + np.arange(math.prod(aval.shape))).reshape(aval.shape).astype(aval.dtype)
    cuts = {triangle: trial} | fold.tape.given
    found = _followed(fold.tape.slice_of(number, cuts), cuts, number)
    signs = np.sign(np.diagonal(trial, axis1=-2, axis2=-1))[..., None, :]
    return found.ndim == len(shape) and np.array_equal(np.broadcast_to(found, shape), np.broadcast_to(signs, shape))


def _followed(operations: Sequence[Operation], cuts: Mapping[int, Any], number: int) -> NDArray[Any]:
    """Return a value that operations on known numbers make."""
    values: dict[int, Any] = {}

    def value(one: int) -> Any:
        return values[one] if one in values else jnp.asarray(cuts[one])

    for operation in operations:
        values.update(zip(operation.outputs, operation.run([value(one) for one in operation.inputs]), strict=True))
    return np.asarray(value(number))
