"""Gains: by how much an activation's weights must be wider to keep the size of the signal, or of its gradient."""

from __future__ import annotations

from fanin.gains.moments import backward_gain, gain, second_moment, slope_moment

__all__ = ["backward_gain", "gain", "second_moment", "slope_moment"]
