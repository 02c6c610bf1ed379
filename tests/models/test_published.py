"""Published models: their laws are their own numbers', and their bits are the same however they were built.

A sample by default; `FANIN_MODELS=all` takes every family of timm, every model of torchvision, and every class of
transformers that a small configuration can be made for. What is measured, and how sharply, is in `model_checks.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from model_checks import measure
from published_models import Published, timm_models, torchvision_models, transformers_models

EVERY = 1 if os.environ.get("FANIN_MODELS") == "all" else 15
"""One model of so many is taken."""

FROZEN_NORMS = ".bn3.weight"
"""Of the backbones of transformers' Detr: it copies them from timm's, but not on the meta device."""


def sample() -> Iterator[Published]:
    for models in (timm_models, torchvision_models, transformers_models):
        yield from models(every=EVERY)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", list(sample()), ids=lambda model: model.name)
def test_a_published_model_keeps_its_laws_and_gets_the_same_bits(model: Published) -> None:
    found = measure(model.name, model.build, model.call)
    assert found.wrong == []
    assert found.equal["reseeded"] == found.equal["without drawing"] == "equal"
    on_meta = found.equal["on meta"]
    assert on_meta == "equal" or "meta tensor" in on_meta or FROZEN_NORMS in on_meta
    assert found.kinds.get("unknown", 0) == 0, found.notes
    assert found.forward != "not finite"
    assert found.kinds["law"] > len(found.notes) / 2
