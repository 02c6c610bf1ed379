"""Golden vectors: tensors whose bits were stored once. Every later version and every backend must reproduce them.

The file was written by `tools/make_golden.py`, from an independent implementation of the specification,
`tools/second_reference`. Nothing regenerates it: code that gives different bits is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from fanin.initializers import Initializer
from fanin.plans import Plan, plan

__all__ = ["GoldenCase", "golden_cases"]


@dataclass(frozen=True)
class GoldenCase:
    """One tensor: its inputs and its bits.

    Attributes:
        title: A few words that identify the case.
        initializer: The initializer.
        shape: Shape of the whole tensor as stored.
        seed: The seed.
        arguments: The other arguments of `fanin.plan`, except those that have their default value: layout, name, dtype,
            groups, transposed, stride, slices.
        first_bits: The bit patterns of the first eight elements in stored order, or of all if there are fewer.
        sha256: Hexadecimal digest of the elements as little-endian bytes in stored order.
    """

    title: str
    initializer: Initializer
    shape: tuple[int, ...]
    seed: int
    arguments: dict[str, Any]
    first_bits: tuple[int, ...]
    sha256: str

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> GoldenCase:
        """Return the case that a record of the file describes."""
        settings = dict(record)
        case = cls(
            title=settings.pop("title"),
            initializer=Initializer.from_dict(settings.pop("initializer")),
            shape=tuple(settings.pop("shape")),
            seed=settings.pop("seed"),
            first_bits=tuple(int(pattern, 16) for pattern in settings.pop("first_bits")),
            sha256=settings.pop("sha256"),
            arguments=settings,
        )
        if "slices" in settings:
            settings["slices"] = tuple(slice(start, stop) for start, stop in settings["slices"])
        return case

    @property
    def dtype(self) -> str:
        """The name of the dtype."""
        return str(self.arguments.get("dtype", "float32"))

    def plan(self) -> Plan:
        """Return the plan of this case."""
        return plan(self.shape, self.initializer, seed=self.seed, **self.arguments)


@lru_cache(maxsize=1)
def golden_cases() -> tuple[GoldenCase, ...]:
    """Return the stored cases.

    Example:
        >>> case = golden_cases()[0]
        >>> case.plan().dtype == case.dtype
        True
    """
    text = resources.files("fanin").joinpath("_data", "golden.json").read_text(encoding="utf-8")
    return tuple(GoldenCase.from_dict(record) for record in json.loads(text)["cases"])
