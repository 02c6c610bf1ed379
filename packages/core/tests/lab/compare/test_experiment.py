"""What can be compared, and each setting that is refused."""

from __future__ import annotations

import pytest

from fanin import FaninError
from fanin.compare.experiment import Experiment


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"depth": 0}, "depth must be at least 1"),
        ({"width": 0}, "width must be at least 1"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"batch_size": 0}, "batch size must be at least 1"),
        ({"depth": 2.5}, "depth must be a whole number"),
        ({"learning_rate": 0.0}, "learning rate must be above 0"),
        ({"learning_rate": float("nan")}, "learning rate must be a number"),
        ({"learning_rate": float("inf")}, "learning rate must be finite"),
        ({"activation": "rellu"}, "Did you mean 'relu'"),
        ({"initializations": ()}, "at least one"),
        ({"initializations": ("he", "he")}, "more than once"),
        ({"initializations": ("hee",)}, "unknown initialization"),
        ({"seeds": ()}, "at least one"),
        ({"seeds": (0, 0)}, "more than once"),
        ({"seeds": (-1,)}, "seed"),
        ({"seeds": (2**64,)}, "seed"),
        ({"backends": ()}, "at least one"),
        ({"dtype": "float16"}, "float32 or float64"),
    ],
)
def test_settings_that_are_refused(setting: dict[str, object], words: str) -> None:
    with pytest.raises(FaninError, match=words):
        Experiment(**setting)  # type: ignore[arg-type]
