"""Placed mistakes in the streams: seeds and names that do not count, or count for too little."""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from scipy.special import ndtr, ndtri

from fanin.initializers import TruncatedNormal, Uniform

from .record import DTYPES, LAWS, MATRICES, Call, Family, Mistaken, Placed, Values, Where, one

_STARTED: Final = time.time_ns()


class Ignoring(Mistaken):
    """Ignores the seed or the name."""

    ignored: str

    def wrong(self, call: Call) -> Values:
        stack = isinstance(call.name, tuple)
        return self.right(call, **{self.ignored: 5 if self.ignored == "seed" else ("w",) * stack or "w"})


class Offset(Mistaken):
    """One stream for all, in which a seed or a name selects where to begin."""

    step: int
    by: str

    def wrong(self, call: Call) -> Values:
        key = call.seed if self.by == "seed" else zlib.crc32(repr(call.name).encode()) % 7
        stream = np.random.PCG64(7 if self.by == "seed" else call.seed)
        stream.advance(key % (1 << 32) * self.step)
        u = np.random.Generator(stream).random(call.size)
        law: Any = call.law
        if isinstance(law, Uniform):
            values = law.low + (law.high - law.low) * u
        elif isinstance(law, TruncatedNormal):
            below, above = ndtr(law.lower), ndtr(law.upper)
            values = law.mean + law.parent_std * ndtri(below + (above - below) * u)
        else:
            values = law.mean + law.std * ndtri(u)
        return values.reshape(call.shape).astype(call.dtype)


class Hashing(Mistaken):
    """Takes a short hash for the seed or the name."""

    hashed: str
    function: str
    bits: int

    def wrong(self, call: Call) -> Values:
        text = str(call.seed if self.hashed == "seed" else call.name).encode()
        digest = HASHES[self.function](text) % (1 << self.bits)
        return self.right(call, **{self.hashed: digest if self.hashed == "seed" else str(digest)})


def _fnv1a(text: bytes) -> int:
    found = 0x811C9DC5
    for byte in text:
        found = (found ^ byte) * 0x01000193 & 0xFFFFFFFF
    return found


def _java(text: bytes) -> int:
    found = 0
    for byte in text:
        found = (31 * found + byte) & 0xFFFFFFFF
    return found


HASHES: Final[dict[str, Callable[[bytes], int]]] = {
    "CRC-32": zlib.crc32,
    "FNV-1a": _fnv1a,
    "31 h + c": _java,
    "SHA-256": lambda text: int.from_bytes(hashlib.sha256(text).digest()[:4], "big"),
    "MD5": lambda text: int.from_bytes(hashlib.md5(text).digest()[-4:], "little"),
    "BLAKE2b": lambda text: int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big"),
}


class Started(Mistaken):
    """Mixes something into the seed that the start of the process decides."""

    by: str

    def wrong(self, call: Call) -> Values:
        mixed = {"hash": hash(str(call.name)), "time": _STARTED, "pid": os.getpid()}[self.by]
        return self.right(call, seed=(call.seed ^ mixed) % (1 << 64))


def _ignored(what: str, of: str) -> Family:
    def place(g: np.random.Generator) -> Placed:
        where = {
            "law": lambda: Where((one(g, LAWS),)),
            "dtype": lambda: Where(dtypes=(one(g, DTYPES),)),
            "matrix rule": lambda: Where((one(g, MATRICES),)),
        }[of]()
        family = f"the {what} is ignored by one {of}"
        return Placed(family, str(where), lambda: Ignoring(where, ignored=what), f"streams.{what}s")

    return place


def _offset(g: np.random.Generator) -> Placed:
    step, by = int(np.exp(g.uniform(1, np.log(2.0**20 / 6)))), one(g, ("seed", "name"))
    where = Where((one(g, LAWS[:3]),))
    mistake = f"{by}s are {step} weights apart in one stream, {where}"
    return Placed("seeds or names as offsets", mistake, lambda: Offset(where, step=step, by=by), "streams.shifts")


def _hashed(g: np.random.Generator) -> Placed:
    function, bits, what = one(g, tuple(HASHES)), int(g.integers(12, 25)), one(g, ("seed", "name"))
    mistake = f"{bits} bits of the {what}'s {function}"
    return Placed(
        "seeds or names hashed to 24 bits or fewer",
        mistake,
        lambda: Hashing(hashed=what, function="SHA-256" if what == "seed" else function, bits=bits),
        "streams.collisions",
    )


def _hashed_to_32(g: np.random.Generator) -> Placed:
    function = one(g, tuple(HASHES))
    mistake = f"the name's {function}"
    made = lambda: Hashing(hashed="name", function=function, bits=32)  # noqa: E731
    return Placed("names hashed to 32 bits, by a usual hash", mistake, made, "streams.collisions")


def _started(g: np.random.Generator) -> Placed:
    where, by = Where((one(g, (*LAWS, *MATRICES)),)), one(g, ("hash", "time", "pid"))
    mistake = f"{by} in {where}"
    return Placed("seeded by the start of the process", mistake, lambda: Started(where, by=by), "streams.process")


STREAMS: Final[tuple[Family, ...]] = (
    *(_ignored(what, of) for what in ("seed", "name") for of in ("law", "dtype", "matrix rule")),
    _offset,
    _hashed,
    _hashed_to_32,
    _started,
)
