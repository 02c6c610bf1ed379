"""The cases of seeds and names, which select the stream."""

from __future__ import annotations

from typing import Final

from fanin.conformance.case import Case
from fanin.initializers.presets import normal

__all__ = ["NAMES", "SEEDS"]

SEEDS: Final = tuple(
    Case((19,), normal(std=1.0), seed=seed, name=name)
    for seed in (0, 1, 42, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**63 + 12345, 2**64 - 1)
    for name in (None, "w")
)

NAMES: Final = tuple(
    Case((19,), normal(std=1.0), seed=7, name=name)
    for name in (
        None,
        "",
        "w",
        "W",
        " w",
        "w ",
        "w\n",
        "w\r\n",
        "\tw",
        "\ufeffw",
        "w\0",
        "w\u200b",
        "layers.1.weight",
        "layers.11.weight",
        "layers.1.1weight",
        "a/b",
        "ab",
        "\0",
        "größe",
        "gro\u0308ße",
        "重み",
        "\U0001f600",
        "x" * 1000,
        "x" * 1024,
        "x" * 1025,
        "x" * 70_000,
        "重" * 400,
        "重" * 400 + "み",
    )
)
