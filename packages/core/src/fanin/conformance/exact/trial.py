"""A backend on trial: what every check of the exact level draws with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fanin.conformance.calls import DECLARE, asking, call_of
from fanin.conformance.case import Case
from fanin.conformance.check import Result, raised
from fanin.conformance.claims import Claims
from fanin.contract import Backend
from fanin.plans import Plan

__all__ = ["BackendTrial"]


@dataclass(frozen=True)
class BackendTrial:
    """A backend on trial, the device to draw on, and the seed of the random cases."""

    backend: Backend
    device: Any = None
    random_seed: int = 0
    claims: Claims = field(default_factory=Claims, compare=False)

    def draw(self, plan: Plan) -> Any:
        """Return the backend's array."""
        self.claims.draw(plan)
        with asking(lambda: call_of(plan, self.backend.name), DECLARE):
            return self.backend.draw(plan, device=self.device)

    def bits(self, plan: Plan) -> bytes:
        """Return the little-endian bytes of a freshly drawn array."""
        array = self.draw(plan)
        with asking(lambda: call_of(plan, self.backend.name), DECLARE):
            return self.backend.tobytes(array)

    def undeclared(self, plan: Plan) -> str:
        """Return what the backend would need to declare to draw a plan, or nothing."""
        missing = "" if plan.rule.kind in self.backend.capabilities.rules else f"the rule {plan.rule.kind!r}"
        if plan.dtype not in self.backend.capabilities.dtypes:
            missing = plan.dtype
        if missing:
            self.claims.refuse(plan)
        return missing

    def drawn(self, cases: tuple[Case, ...]) -> tuple[dict[Case, bytes], list[Result]]:
        """Return the bytes of the cases that can be drawn, and a failure for each of the others."""
        drawn, failures = {}, []
        for case in cases:
            try:
                drawn[case] = self.bits(case.plan())
            except Exception as error:
                failures.append(raised(case.call(self.backend.name), error))
        return drawn, failures
