"""The digest of a parameter's initial weights: of its bits in logical order, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fanin.contract import Backend
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninValueError
from fanin.locking.canonical import in_logical_order, needs_whole
from fanin.models import Parameter
from fanin.models.draw import draw_parameter
from fanin.models.parameter import OTHER_DTYPES, part_name
from fanin.plans.matrix_work import normal_matrices
from fanin.plans.rules import Haar

__all__ = ["Hasher", "digest", "digests", "hashes_as_stored", "locked_dtypes"]

_PIECE: Final = 1 << 21
_DIGITS: Final = 32
"""Of the 64 of SHA-256: no two of the digests that a file can hold are equal by chance."""

_NARROWER: Final = ("float32", "bfloat16", "float16")


def locked_dtypes(dtype: str) -> tuple[str, ...]:
    """Return the dtypes in which a parameter is locked: its own, and the narrower ones that weights are stored in."""
    if dtype in OTHER_DTYPES:
        return (dtype,)
    return (dtype, *(name for name in _NARROWER if DTYPES[name].bits < DTYPES[dtype].bits))


def digest(parameter: Parameter, name: str, seed: int, dtype: str, backend: Backend) -> str:
    """Return the digest of a parameter in one dtype: its own law's weights, and then those of each part.

    Of an orthogonal matrix, whose bits the specification does not promise, it is the digest of the normal matrix that
    it is made from, and of its gain.

    Raises:
        FaninValueError: A law cannot be drawn in the dtype.
    """
    hasher = Hasher()
    for data in _bytes(parameter.with_dtype(dtype), name, seed, backend):
        hasher.update(data)
    return hasher.digest()


class Hasher:
    """A digest in the making."""

    def __init__(self) -> None:
        import hashlib  # slow to import, and few programs need it

        hashed = hashlib.sha256()
        self.update = hashed.update
        self._hexdigest = hashed.hexdigest

    def digest(self) -> str:
        """Return the digest of what was given so far."""
        return self._hexdigest()[:_DIGITS]


def hashes_as_stored(parameter: Parameter) -> bool:
    """Return whether a parameter's digest is that of its elements as they are stored, one after the other."""
    if parameter.parts or parameter.initializer is None:
        return False
    if parameter.dtype in OTHER_DTYPES:
        return True
    plan = parameter.plan(None) if parameter.geometry.stack_axis is None else None
    return plan is not None and plan.consecutive and not isinstance(plan.rule, Haar)


def _bytes(parameter: Parameter, name: str, seed: int, backend: Backend) -> Iterator[bytes]:
    if parameter.initializer is not None:
        one = in_logical_order(parameter)
        plan = None if parameter.dtype in OTHER_DTYPES else one.plan(name, seed)
        if plan is not None and isinstance(plan.rule, Haar):
            yield plan.rule.gain.hex().encode()
            yield backend.tobytes(backend.draw(normal_matrices(plan)))
        else:
            limit = parameter.size if needs_whole(one) else _PIECE
            from fanin.weights.tensor import pieces, whole_of  # needs NumPy, and so does the backend

            for region in pieces(whole_of(one.shape), limit):
                yield backend.tobytes(draw_parameter(one, name, seed, backend, region=region))
    for k, part in enumerate(parameter.parts):
        yield from _bytes(part.parameter, part_name(name, k), seed, backend)


def digests(parameter: Parameter, name: str, seed: int, backend: Backend) -> dict[str, str]:
    """Return the digest of a parameter in each dtype in which it is locked.

    Raises:
        FaninValueError: A law cannot be drawn in the parameter's own dtype. A narrower one, in which a weight would be
            infinite, is left out.
    """
    found: dict[str, str] = {}
    for dtype in locked_dtypes(parameter.dtype):
        try:
            found[dtype] = digest(parameter, name, seed, dtype, backend)
        except FaninValueError:
            if dtype == parameter.dtype:
                raise
    return found
