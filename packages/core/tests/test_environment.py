"""Choices that an environment variable makes."""

from __future__ import annotations

import pytest

from fanin.environment import chosen, no_kernels
from fanin.exceptions import FaninValueError


def test_the_variable_or_else_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FANIN_TEST", raising=False)
    assert chosen("FANIN_TEST", ("auto", "fast")) == "auto"
    monkeypatch.setenv("FANIN_TEST", "fast")
    assert chosen("FANIN_TEST", ("auto", "fast")) == "fast"


@pytest.mark.parametrize("name", ["Fast", "", "fast "])
def test_another_name_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANIN_TEST", name)
    with pytest.raises(FaninValueError, match=rf"FANIN_TEST must be one of auto, fast\. Received: '{name}'"):
        chosen("FANIN_TEST", ("auto", "fast"))


def test_why_there_are_no_kernels() -> None:
    missing, broken = ModuleNotFoundError("No module named 'fanin_kernels'"), ImportError("it cannot load x.so.")
    needs = 'the engine "native" needs the compiled kernels, which'
    assert str(no_kernels(missing)) == f'{needs} are not installed. Run: pip install "fanin[fast]".'
    assert str(no_kernels(broken)) == f"{needs} cannot be loaded: it cannot load x.so."
