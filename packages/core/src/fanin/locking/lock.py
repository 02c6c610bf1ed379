"""A lock: a model's initialization, a seed, and the digest of every parameter that they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fanin._checks import whole_number
from fanin.exceptions import FaninError, FaninTypeError
from fanin.locking.data import lock_of_text, text_of_lock
from fanin.locking.digest import digests
from fanin.models import Scheme
from fanin.plans import SPEC_VERSION
from fanin.registry import backend as get_backend
from fanin.stream.keys import seed_words

__all__ = ["Lock", "lock"]


@dataclass(frozen=True)
class Lock:
    """A model's initial weights as a text of one line per parameter, to be kept beside the code.

    Attributes:
        spec_version: The version of the specification that the weights were drawn by.
        seed: The seed.
        scheme: The model's initialization.
        digests: For each parameter that follows laws, by dtype, the digest of its bits in logical order: layout,
            framework and sharding do not matter.
    """

    spec_version: int
    seed: int
    scheme: Scheme
    digests: Mapping[str, Mapping[str, str]]

    @property
    def not_locked(self) -> dict[str, str]:
        """The tensors that follow no law, whose values the lock does not know, and what computes them."""
        others = {name: parameter for name, parameter in self.scheme.items() if name not in self.digests}
        return {name: parameter.note or "it has no law" for name, parameter in others.items()}

    def to_json(self) -> str:
        """Return the lock as text: versioned, stable, strict JSON, one line per parameter."""
        return text_of_lock(self.spec_version, self.seed, self.scheme, self.digests)

    @staticmethod
    def from_json(text: str) -> Lock:
        """Return the lock that `to_json` described.

        Raises:
            FaninValueError: The text is no JSON, no lock, of another version, or a parameter (the message names it)
                has a setting that is missing, unknown or out of range.
            FaninTypeError: It is no text, or a setting has the wrong type.
        """
        return Lock(*lock_of_text(text))

    def __str__(self) -> str:
        locked = len(self.digests)
        others = f", {len(self.scheme) - locked} not locked" if locked < len(self.scheme) else ""
        return f"{locked} parameters locked with seed {self.seed}, specification {self.spec_version}{others}"


def lock(scheme: Scheme, seed: int = 0) -> Lock:
    """Return the initial weights of a scheme as digests, to hold weights against later (`fanin.verify`).

    Every parameter is drawn with NumPy, a piece at a time: in its own dtype, and in the narrower ones that weights are
    stored in, float32, bfloat16 and float16. Tensors that follow no law are listed, and not locked.

    Args:
        scheme: A model's initialization.
        seed: An integer in [0, 2^64).

    Raises:
        FaninTypeError: `scheme` is no scheme, or `seed` no whole number.
        FaninValueError: The seed is out of range, or a law cannot be drawn (the message names the parameter).
        FaninError: fanin-numpy is not installed.
    """
    if not isinstance(scheme, Scheme):
        raise FaninTypeError(f"lock takes a fanin.Scheme and a seed. Received: {type(scheme).__name__}.")
    seed_words(seed)
    drawer = get_backend("numpy")
    found: dict[str, dict[str, str]] = {}
    for name, parameter in scheme.items():
        if parameter.follows_laws:
            try:
                found[name] = digests(parameter, name, seed, drawer)
            except FaninError as error:
                raise type(error)(f"{name}: {error}") from error
    return Lock(SPEC_VERSION, whole_number(seed, "seed", 0), Scheme(dict(scheme)), found)
