"""Collisions: names and seeds that an implementation takes for one, because it hashes them to too few bits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from fanin.conformance.adapter import NotClaimed
from fanin.conformance.calls import NOT_CLAIMED, asking
from fanin.conformance.check import Check, Result
from fanin.conformance.distribution.judge import judge
from fanin.conformance.distribution.sample import SampleTrial
from fanin.initializers import Initializer
from fanin.initializers.presets import normal, truncated_normal, uniform

__all__ = ["COLLIDING", "COLLISION_CHECKS"]

_MANY: Final = 1 << 14
_GOLDEN: Final = 0x9E3779B97F4A7C15
"""The odd number next to 2^64 over the golden ratio."""

_SHAPE: Final = (4,)
"""Four weights have 88 random bits at least: no two such tensors are equal by chance."""

_LAWS: Final = (normal(std=1.0), uniform(-1.0, 1.0), truncated_normal(std=1.0))

COLLIDING: Final = (
    ("CRC-32", "layers.6602.norm.weight", "layers.17864.attention.output.weight"),
    ("Adler-32", "layers.120.attention.query.weight", "layers.201.attention.query.weight"),
    ("FNV-1a", "layers.3158.attention.key.weight", "layers.24272.attention.output.weight"),
    ("FNV-1", "layers.12213.attention.key.weight", "layers.12227.mlp.up.weight"),
    ("33 h + c (djb2)", "layers.7130.attention.query.weight", "layers.25882.mlp.up.weight"),
    ("31 h + c", "layers.5073.attention.output.weight", "layers.11600.mlp.up.weight"),
    ("MurmurHash3", "layers.8707.attention.output.weight", "layers.18014.mlp.up.weight"),
    ("MD5, first 4 bytes", "layers.3866.attention.output.weight", "layers.6558.attention.value.weight"),
    ("MD5, last 4 bytes", "layers.2135.norm.weight", "layers.4562.norm.weight"),
    ("SHA-1, first 4 bytes", "layers.1525.mlp.up.weight", "layers.5102.norm.weight"),
    ("SHA-1, last 4 bytes", "layers.786.attention.output.weight", "layers.17676.attention.output.weight"),
    ("SHA-256, first 4 bytes", "layers.1250.mlp.up.weight", "layers.5577.mlp.gate.weight"),
    ("SHA-256, last 4 bytes", "layers.5576.attention.output.weight", "layers.9065.attention.value.weight"),
    ("SHA-512, first 4 bytes", "layers.688.attention.query.weight", "layers.4963.mlp.gate.weight"),
    ("SHA-512, last 4 bytes", "layers.16449.mlp.up.weight", "layers.16474.attention.key.weight"),
    ("BLAKE2b, first 4 bytes", "layers.7474.attention.key.weight", "layers.10991.mlp.gate.weight"),
    ("BLAKE2b, last 4 bytes", "layers.7028.mlp.down.weight", "layers.7846.attention.output.weight"),
    ("BLAKE2s, first 4 bytes", "layers.7394.attention.query.weight", "layers.10354.attention.output.weight"),
    ("BLAKE2s, last 4 bytes", "layers.834.mlp.down.weight", "layers.4313.attention.query.weight"),
    ("SHA3-256, first 4 bytes", "layers.4931.mlp.up.weight", "layers.5517.mlp.gate.weight"),
    ("SHA3-256, last 4 bytes", "layers.9533.mlp.up.weight", "layers.15370.mlp.gate.weight"),
    ("BLAKE2b of 4 bytes", "layers.1571.mlp.down.weight", "layers.19688.attention.value.weight"),
    ("BLAKE2s of 4 bytes", "layers.1094.mlp.up.weight", "layers.5267.attention.query.weight"),
)
"""A hash of 32 bits, and two names that are one to it: found by trying names until two collided."""


def collisions(trial: SampleTrial) -> Iterator[Result]:
    """Yield how many of many small tensors with a name or a seed each are equal to another one.

    Of m keys of b bits m² / 2^(b + 1) collide (the birthday problem): of 2^14 keys of 64 bits 7e-12, so that two
    collisions have probability 3e-23. Hashes of 32 bits are beyond so few keys; the usual ones are tried by name.
    """
    law = _claimed(trial)
    if isinstance(law, Result):
        yield law
        return
    given: list[tuple[str, list[dict[str, Any]]]] = [("seed", _seeds(trial, law))]
    if trial.adapter.named:
        given.append(("name", [{"seed": trial.seed, "name": f"layers.{k}.weight"} for k in range(_MANY)]))
    for what, calls in given:
        found = _drawn(trial, law, calls)
        first: dict[bytes, int] = {}
        equal = [(first.setdefault(weights, k), k) for k, weights in enumerate(found)]
        twice = [(one, two) for one, two in equal if one != two]
        pair = f": {calls[twice[0][0]][what]!r} and {calls[twice[0][1]][what]!r}" if twice else ""
        yield judge(
            f"{len(found)} tensors of 4 weights, each with a {what} of its own",
            f"how many tensors are equal to another one{pair}",
            len(twice),
            n=len(found),
            high=1,
            alpha=_MANY**4 / 2.0**131,
            detects=f"a {what} that counts for {math.log2(_MANY**2 / 2 / 6.64):.0f} bits or fewer",
            mistake=f"a {what} is hashed to some {math.log2(_MANY**2 / 2 / len(twice)):.0f} bits" if twice else "",
        )
    if trial.adapter.named:
        yield _hashes(trial, law)
    else:
        yield Result(on="names", verdict="skipped", note="the implementation does not claim streams by name")


def _seeds(trial: SampleTrial, law: Initializer) -> list[dict[str, Any]]:
    """Return calls with seeds of 64 bits that look random, no two equal; with small ones where no such are offered."""
    calls = [{"seed": (trial.seed + k * _GOLDEN) % (1 << 64), "name": "w"} for k in range(_MANY)]
    try:
        _drawn(trial, law, [*calls[:64], {"seed": (1 << 64) - 1, "name": "w"}])
    except NotClaimed:
        return [{"seed": k, "name": "w"} for k in range(_MANY)]
    return calls


def _hashes(trial: SampleTrial, law: Initializer) -> Result:
    calls = [{"seed": trial.seed, "name": name} for _, *names in COLLIDING for name in names]
    weights = _drawn(trial, law, calls)
    equal = [kind for k, (kind, *_) in enumerate(COLLIDING) if weights[2 * k] == weights[2 * k + 1]]
    return judge(
        f"{len(COLLIDING)} pairs of names, each the same to a hash of 32 bits",
        "how many pairs of names give the same tensor",
        len(equal),
        n=len(calls),
        high=0,
        detects="a name that counts for its CRC-32, FNV-1a, MurmurHash3, or 4 bytes of its MD5, SHA or BLAKE2 alone",
        mistake=f"a name is hashed to 32 bits: {', '.join(equal)}" if equal else "",
    )


def _claimed(trial: SampleTrial) -> Initializer | Result:
    for law in _LAWS:
        try:
            _drawn(trial, law, [{"seed": 0, "name": "w"}])
        except NotClaimed as reason:
            note = str(reason)
        else:
            return law
    return Result(on="small tensors", verdict="skipped", note=note)


def _drawn(trial: SampleTrial, law: Initializer, calls: Sequence[dict[str, Any]]) -> list[bytes]:
    found: list[bytes] = []
    for each in calls:
        with asking(lambda each=each: f"{trial.adapter.name}: {_SHAPE}, {law}, {each}", NOT_CLAIMED):  # type: ignore[misc]
            found.append(trial.adapter.sample(law, _SHAPE, layout=None, **each).tobytes())
    return found


COLLISION_CHECKS: Final = (
    Check("streams.collisions", "distribution", "no two of many seeds, or names, select the same stream", collisions),
)
