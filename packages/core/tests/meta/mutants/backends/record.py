"""What a mutant is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """The toy backend with one real mistake.

    Attributes:
        name: Short name, which the table of docs/conformance.md lists with the checks that catch it.
        mistake: What is wrong.
        backend: Builds it.
    """

    name: str
    mistake: str
    backend: Callable[[], Any]
