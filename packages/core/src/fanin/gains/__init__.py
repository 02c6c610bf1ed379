"""Gains: the factor by which an activation's weights must be larger to preserve the signal, or its gradient."""

from __future__ import annotations

from fanin.gains.moments import backward_gain, gain, second_moment, slope_moment

__all__ = ["backward_gain", "gain", "second_moment", "slope_moment"]
