"""Every way in which a backend's attributes and methods can differ from the contract is found."""

from __future__ import annotations

from typing import Any

import pytest

from fanin.conformance.exact.signatures import signature_faults
from fanin.contract import Capabilities

from ..doubles import ReferenceBackend

FLOAT32 = frozenset({"float32"})


def _with(**attributes: Any) -> Any:
    return type("Changed", (ReferenceBackend,), attributes)()


def _keyword_only(self: Any, *, plan: Any, device: Any = None) -> None: ...


def _other_default(self: Any, plan: Any, *, device: Any = "cpu") -> None: ...


def _named_otherwise(self: Any, array_to_write: Any) -> None: ...


def _by_position(self: Any, a: Any, /) -> None: ...


def _nothing(self: Any) -> None: ...


def _one_more(self: Any, plan: Any, stream: Any, *, device: Any = None) -> None: ...


def _compiled(self: Any, function: Any) -> Any: ...


def _compiled_with_options(self: Any, function: Any, options: Any) -> Any: ...


def _one_more_with_default(self: Any, plan: Any, *, device: Any = None, stream: Any = None) -> None: ...


@pytest.mark.parametrize(
    ("attributes", "faults"),
    [
        ({}, []),
        ({"draw": _one_more_with_default}, []),
        ({"tobytes": _named_otherwise, "describe": _by_position}, []),
        ({"tobytes": _nothing}, ["tobytes(array)"]),
        ({"tobytes": _one_more}, ["tobytes(stream)"]),
        ({"draw": _keyword_only}, ["draw(plan)"]),
        ({"draw": _other_default}, ["draw(device)"]),
        ({"draw": _one_more}, ["draw(stream)"]),
        ({"describe": None}, ["describe"]),
        ({"name": ""}, ["name"]),
        ({"name": 3}, ["name"]),
        ({"SPEC_VERSION": 2}, ["SPEC_VERSION"]),
        ({"SPEC_VERSION": True}, ["SPEC_VERSION"]),
        ({"capabilities": {"dtypes": ["float32"]}}, ["capabilities"]),
        ({"capabilities": Capabilities(dtypes={"float32"})}, ["capabilities.dtypes"]),  # type: ignore[arg-type]
        ({"capabilities": Capabilities(dtypes=frozenset({"float64"}))}, ["capabilities.dtypes"]),
        ({"capabilities": Capabilities(dtypes=FLOAT32 | {"int8"})}, ["capabilities.dtypes"]),
        ({"capabilities": Capabilities(FLOAT32, devices=())}, ["capabilities.devices"]),
        ({"capabilities": Capabilities(FLOAT32, devices="cpu")}, ["capabilities.devices"]),  # type: ignore[arg-type]
        ({"capabilities": Capabilities(FLOAT32, jit=1)}, ["capabilities.jit"]),  # type: ignore[arg-type]
        ({"capabilities": Capabilities(FLOAT32, jit=True)}, ["compiled"]),
        ({"capabilities": Capabilities(FLOAT32, jit=True), "compiled": _compiled}, []),
        (
            {"capabilities": Capabilities(FLOAT32, jit=True), "compiled": _compiled_with_options},
            ["compiled(options)"],
        ),
        ({"capabilities": Capabilities(FLOAT32), "compiled": None}, []),
        ({"capabilities": Capabilities(FLOAT32, level="almost")}, ["capabilities.level"]),  # type: ignore[arg-type]
    ],
)
def test_faults(attributes: dict[str, Any], faults: list[str]) -> None:
    assert [what for what, _, _ in signature_faults(_with(**attributes))] == faults
