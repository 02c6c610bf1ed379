"""From a plan to an array, under a trace or not: by a rule of single elements or by a rule of matrices."""

from __future__ import annotations

from typing import Any

from jax import Array

from fanin.plans import Draw, Fill, Plan
from fanin_jax._elements import draw_elements
from fanin_jax._matrix import draw_matrices

__all__ = ["draw"]


def draw(plan: Plan, keys: Any, counters: Any = None, *, sharding: Any = None, merge: bool = True) -> Array:
    """Return the array that `plan` describes, under a trace or not.

    Args:
        plan: The plan; its own keys are not used.
        keys: The keys of the streams as uint32 words (n, 2), without counters; or one JAX key, typed or raw.
        counters: None, or the plan's counters, uint32 (n, 2). The keys of the streams are then the blocks of these
            counters under the one key.
        sharding: The sharding of the array, as `jax.jit` takes it; None for JAX's choice.
        merge: Whether short inner axes may be merged. XLA cannot split a merged axis across several devices.
    """
    if isinstance(plan.rule, (Fill, Draw)):
        return draw_elements(plan, plan.rule, keys, counters, sharding=sharding, merge=merge)
    return draw_matrices(plan, plan.rule, keys, counters, sharding)
