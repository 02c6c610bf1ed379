"""Models: what `plans` is for one tensor, for all parameters of a model. A scheme is its initialization as data."""

from __future__ import annotations

from fanin.models.diff import Difference, SchemeDiff, diff
from fanin.models.parameter import Parameter, Part
from fanin.models.scheme import Scheme

__all__ = ["Difference", "Parameter", "Part", "Scheme", "SchemeDiff", "diff"]
