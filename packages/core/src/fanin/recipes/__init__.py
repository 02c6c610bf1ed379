"""Published recipes for whole models: which initializer for which kind of weight."""

from __future__ import annotations

from fanin.recipes.published import MupSetting, ds_init, fixup, gpt2, mup, rezero, siren_first, siren_hidden, t5
from fanin.recipes.unit_variance import Scaled, lsuv

__all__ = [
    "MupSetting",
    "Scaled",
    "ds_init",
    "fixup",
    "gpt2",
    "lsuv",
    "mup",
    "rezero",
    "siren_first",
    "siren_hidden",
    "t5",
]
