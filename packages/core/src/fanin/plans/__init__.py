"""Plan: everything a backend needs to draw one tensor, as Python numbers. Nothing here uses an array library."""

from __future__ import annotations

from fanin.plans.plan import SPEC_VERSION, Name, Plan, Slices, plan
from fanin.plans.rules import Draw, Fill
from fanin.plans.run import Run

__all__ = ["SPEC_VERSION", "Draw", "Fill", "Name", "Plan", "Run", "Slices", "plan"]
