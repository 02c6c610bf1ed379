"""How often a right model has a finding: `cd packages/core/tests && python -m audit.clean 300 1e-6`.

Run it from the folder of the core's tests. Each seed draws the three models by NumPy's generator and audits each with
its scheme and without. Tied weights and tables, which without a scheme are notes, do not count.
"""

from __future__ import annotations

import sys

import numpy as np

import fanin

from .models import MODELS, drawn

__all__ = ["false_findings"]


def false_findings(seeds: range, rate: float) -> tuple[list[str], list[str]]:
    """Return the findings with a scheme, and the errors and warnings without one."""
    against: list[str] = []
    bare: list[str] = []
    for seed in seeds:
        for model, scheme in MODELS.items():
            weights = drawn(scheme, np.random.default_rng([7, seed]))
            with_scheme = fanin.audit(weights, scheme, false_alarm_rate=rate)
            without = fanin.audit(weights, false_alarm_rate=rate)
            against += [f"{model}, seed {seed}: {one}" for one in with_scheme.findings]
            bare += [f"{model}, seed {seed}: {one}" for one in without.findings if one.severity != "note"]
    return against, bare


if __name__ == "__main__":
    count, allowed = int(sys.argv[1]), float(sys.argv[2])
    found, guessed = false_findings(range(count), allowed)
    print(*found, *guessed, sep="\n")
    print(f"{count} seeds of {len(MODELS)} models at rate {allowed:g}: {len(found)} findings with a scheme, ", end="")
    print(f"{len(guessed)} without")
