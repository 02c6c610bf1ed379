"""Holding weights against a lock: drawn again by slices, and compared bit by bit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from fanin.contract import Backend
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninTypeError, SpecVersionError
from fanin.locking.digest import Hasher, digest, hashes_as_stored
from fanin.locking.findings import Finding, Verification
from fanin.locking.lock import Lock
from fanin.locking.naming import naming
from fanin.models import Parameter
from fanin.models.parameter import OTHER_DTYPES
from fanin.plans import SPEC_VERSION
from fanin.registry import backend as get_backend

if TYPE_CHECKING:
    from fanin.locking.comparison import Comparison
    from fanin.weights import Tensor, Weights

__all__ = ["verification", "verify"]

_REDRAWN: Final = 1 << 20
"""Elements up to which a tensor that this process holds only in part is drawn as a whole, for its digest."""


def verify(lock: Lock, weights: object) -> bool:
    """Return whether weights are those that were locked, to the bit; if not, print which parameters differ, and how.

    The weights are drawn again, in their own dtype, and compared by slices, in constant memory. Weights in a narrower
    dtype are equal where they are the locked ones, rounded. Of distributed weights each process compares what it
    holds, without communication. Orthogonal matrices, whose bits the specification does not promise, are compared with
    its tolerance.

    Args:
        lock: What `fanin.lock` returned.
        weights: A torch module or state dict, a JAX tree, a Keras model, a mapping of names to arrays, or a path:
            whatever `fanin.weights.open_weights` reads.

    Raises:
        FaninTypeError: `lock` is no lock, or `weights` nothing that has weights.
        FaninValueError: The weights cannot be read.
        SpecVersionError: The lock is of another version of the specification.

    Example:
        >>> import fanin
        >>> scheme = fanin.Scheme({"fc.weight": fanin.Parameter((4, 3), "float32", "he", layout="OI")})
        >>> locked = fanin.lock(scheme, seed=7)
        >>> fanin.verify(locked, scheme.draw(seed=7))
        True
        >>> fanin.verify(locked, scheme.draw(seed=8))
        name       what    detail                                                         cause
        fc.weight  values  12 of 12 differ, first at (0, 0): -0.427083, locked -0.122858  drawn with seed 8
        1 different, 0 equal (12 elements compared).
        False
    """
    found = verification(lock, weights)
    if not found:
        print(found)  # noqa: T201  # what the function is for
    return bool(found)


def verification(lock: Lock, weights: object) -> Verification:
    """Return what `verify` prints, as data.

    Args:
        lock: What `fanin.lock` returned.
        weights: As in `verify`.

    Raises:
        FaninError: As `verify`.
    """
    if not isinstance(lock, Lock):
        raise FaninTypeError(
            f"verify takes a lock and weights. Received: {type(lock).__name__}. Use fanin.lock(scheme, seed), or "
            f"fanin.locking.Lock.from_json(text)."
        )
    if lock.spec_version != SPEC_VERSION:
        raise SpecVersionError(
            f"the lock is of version {lock.spec_version} of the specification, and this fanin draws version "
            f"{SPEC_VERSION}. Install a fanin of that version, or lock again."
        )
    drawer = get_backend("numpy")
    from fanin.weights import open_weights  # needs NumPy

    return _Run(lock, open_weights(weights), drawer).result()


class _Run:
    """One verification."""

    def __init__(self, lock: Lock, weights: Weights, backend: Backend) -> None:
        from fanin.locking.causes import Causes

        self.lock, self.weights, self.backend = lock, weights, backend
        self.naming = naming(lock.scheme, weights)
        self.causes = Causes(lock, backend)
        self.findings: list[Finding] = []
        self.equal: list[str] = []
        self.partial: list[str] = []
        self.elements = 0

    def result(self) -> Verification:
        """Compare every parameter."""
        for name in self.lock.digests:
            self._parameter(name)
        tied = self._others()
        return Verification(
            tuple(self.findings),
            tuple(self.equal),
            self.elements,
            tuple(self.lock.not_locked),
            tuple(tied),
            self.naming.prefix,
            tuple(self.partial),
        )

    def _parameter(self, name: str) -> None:
        parameter = self.lock.scheme[name]
        if name not in self.naming.names:
            self.findings.append(Finding(name, "missing", f"locked {_shown(parameter.shape, parameter.dtype)}"))
            return
        tensor = self.weights[self.naming.names[name]]
        if tensor.shape != parameter.shape:
            cause = self.causes.of_shape(name, tensor)
            detail = f"{_shape(tensor.shape)}, locked {_shape(parameter.shape)}"
            self.findings.append(Finding(name, "shape", detail, cause))
            return
        if not _accepted(tensor.dtype, parameter.dtype):
            cause = self.causes.of_dtype(name, tensor)
            self.findings.append(Finding(name, "dtype", f"{tensor.dtype}, locked {parameter.dtype}", cause))
            return
        compared, changed = self._compare(name, parameter, tensor)
        self.elements += compared.elements
        if not tensor.is_whole:
            self.partial.append(name)
        if changed:
            self.findings.append(Finding(name, "fanin", changed, _CHANGED))
        if compared.differing:
            cause = self.causes.of_values(name, tensor, self.naming.names[name], compared)
            detail = compared.text
            self.findings.append(Finding(name, "values", detail, cause, compared.differing, compared.first))
        elif not changed:
            self.equal.append(name)

    def _compare(self, name: str, parameter: Parameter, tensor: Tensor) -> tuple[Comparison, str]:
        """Return how a tensor differs from what fanin draws, and how the digest of that differs from the locked one."""
        from fanin.locking.comparison import compare

        locked = self.lock.digests[name].get(tensor.dtype)
        whole = tensor.is_whole and not tensor.stored
        hasher = Hasher() if locked is not None and whole and hashes_as_stored(parameter) else None
        compared = compare(parameter, name, self.lock.seed, tensor, self.backend, hasher)
        if locked is None or not (tensor.is_whole or tensor.size <= _REDRAWN):
            return compared, ""
        if hasher is not None:
            now = hasher.digest()
        else:
            now = digest(parameter, name, self.lock.seed, tensor.dtype, self.backend)
        return compared, "" if now == locked else f"digest {now[:8]}, locked {locked[:8]}"

    def _others(self) -> list[tuple[str, str]]:
        """Return the tensors that are copies of a locked one, and find fault with those that the lock does not have."""
        taken = {self.weights[given].memory: name for name, given in self.naming.names.items()}
        taken.pop(None, None)
        missing = {one.name: k for k, one in enumerate(self.findings) if one.what == "missing"}
        tied = []
        for given in self.naming.others:
            tensor = self.weights[given]
            name = taken.get(tensor.memory) or self.causes.copy_of(tensor)
            if name in missing:
                self.findings[missing[name]] = replace(
                    self.findings[missing[name]], cause=f"its weights are called {given}"
                )
            elif name is not None:
                tied.append((given, name))
            else:
                self.findings.append(Finding(given, "extra", _shown(tensor.shape, tensor.dtype)))
        return tied


_CHANGED: Final = "this fanin draws other bits than the one that locked"


def _accepted(given: str, locked: str) -> bool:
    """Return whether weights of a dtype can be the locked ones: of the same dtype, or rounded to a narrower one."""
    if given == locked:
        return True
    return not {given, locked} & OTHER_DTYPES and given in DTYPES and DTYPES[given].bits < DTYPES[locked].bits


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "scalar"


def _shown(shape: tuple[int, ...], dtype: str) -> str:
    return f"{_shape(shape)} {dtype}"
