"""The schemes that the documentation keeps are what the models do today."""

from __future__ import annotations

import importlib.util

import pytest
from scheme_page import Recorded, recorded

from fanin import Scheme

MODELS = recorded()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", MODELS, ids=[one.path.stem for one in MODELS])
def test_a_model_does_what_is_kept(model: Recorded) -> None:
    if model.model.startswith("titan") and importlib.util.find_spec("torchtitan") is None:
        pytest.skip("torchtitan is not installed")
    kept = Scheme.from_json(model.path.read_text(encoding="utf-8"))
    made = model.scheme()
    differing = [name for name in {**kept, **made} if kept.get(name) != made.get(name)]
    assert differing == []
    assert list(made) == list(kept)
