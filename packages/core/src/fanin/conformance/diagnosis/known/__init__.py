"""Known mistakes: the specification's steps with one of them done wrongly, so that what it gives can be compared."""

from __future__ import annotations

from typing import Final

from fanin.conformance.diagnosis.known.keys import KEYS
from fanin.conformance.diagnosis.known.mistake import Mistake, Position
from fanin.conformance.diagnosis.known.order import ORDER
from fanin.conformance.diagnosis.known.weights import WEIGHTS
from fanin.conformance.diagnosis.known.words import WORDS
from fanin.conformance.diagnosis.known.zeros import ZEROS

__all__ = ["MISTAKES", "Mistake", "Position"]

MISTAKES: Final = (*WORDS, *KEYS, *ORDER, *ZEROS, *WEIGHTS)
"""The first ones that explain what was seen are named."""
