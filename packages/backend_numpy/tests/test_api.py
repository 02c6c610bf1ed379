"""What a NumPy user meets: in-place initialisation, its refusals, the choice of engine and of threads."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from engines import engines

import fanin
import fanin_numpy
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.naming import OMITTED
from fanin_numpy import _engine


def read_only() -> np.ndarray[Any, Any]:
    array = np.zeros((3, 4), np.float32)
    array.flags.writeable = False
    return array


REFUSED: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "list": ([[0.0]], {"layout": "OI"}, FaninTypeError, "Received: list"),
    "integers": (np.zeros((3, 4), np.int32), {"layout": "OI"}, FaninValueError, "int32"),
    "complex": (np.zeros((3, 4), np.complex64), {"layout": "OI"}, FaninValueError, "complex64"),
    "foreign byte order": (np.zeros((3, 4), ">f4"), {"layout": "OI"}, FaninValueError, "native byte order"),
    "read-only": (read_only(), {"layout": "OI"}, FaninValueError, "read-only"),
    "broadcast": (np.broadcast_to(np.zeros(4), (3, 4)), {"layout": "OI"}, FaninValueError, "read-only"),
    "windows": (
        np.lib.stride_tricks.as_strided(np.zeros(9, np.float32), (4, 3), (8, 4)),
        {"layout": "OI"},
        FaninValueError,
        "share memory",
    ),
    "overlapping by some bytes": (
        np.ndarray((2, 4), np.float32, bytearray(64), 0, (16, 7)),
        {"layout": "OI"},
        FaninValueError,
        "share memory",
    ),
    "overlapping by some bytes, backwards": (
        np.ndarray((2, 2), np.float32, bytearray(64), 20, (-6, 4)),
        {"layout": "OI"},
        FaninValueError,
        "share memory",
    ),
    "no layout": (np.zeros((3, 4), np.float32), {}, FaninValueError, "State the layout"),
    "seed": (np.zeros((3, 4), np.float32), {"layout": "OI", "seed": -1}, FaninValueError, "seed"),
    "no name": (
        np.zeros((3, 4), np.float32),
        {"layout": "OI", "name": OMITTED},
        FaninTypeError,
        r'two tensors without a name .* init_\(parameter, "he", name="0.weight"\)',
    ),
}


@pytest.mark.parametrize(("array", "options", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals_leave_the_array_alone(
    array: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    before = np.array(array, copy=True)
    with pytest.raises(error, match=message):
        fanin_numpy.init_(array, "he", **{"name": None, **options})
    assert np.array_equal(np.array(array), before)


def test_init_in_place_returns_the_array_and_equals_init() -> None:
    array = np.full((64, 256), np.nan, np.float32)
    assert fanin_numpy.init_(array, "glorot_uniform", layout="IO", seed=5, name="w") is array
    assert np.array_equal(array, fanin_numpy.init((64, 256), "glorot_uniform", layout="IO", seed=5, name="w"))


def test_strides_of_records_need_not_be_multiples_of_the_itemsize() -> None:
    records = np.zeros((3, 4), np.dtype([("tag", "u1"), ("weight", "f4"), ("note", "u1")]))
    fanin_numpy.init_(records["weight"], "he", layout="OI", seed=5, name="w")
    assert np.array_equal(records["weight"], fanin_numpy.init((3, 4), "he", layout="OI", seed=5, name="w"))
    assert not records["tag"].any()
    assert not records["note"].any()


def test_a_name_is_asked_for_where_weights_are_random() -> None:
    with pytest.raises(FaninTypeError, match="name="):
        fanin_numpy.init_(np.empty((6, 5)), "random")
    named = fanin_numpy.init_(np.empty((6, 5)), "random", name=None)
    assert np.array_equal(named, fanin_numpy.init((6, 5), "random", dtype="float64"))
    for law in ("zeros", "ones", fanin.constant(0.5), "identity", "dirac", "torch:eye"):
        drawn = fanin_numpy.init_(np.empty((6, 5)), law, layout="OI")
        assert np.array_equal(drawn, fanin_numpy.init((6, 5), law, layout="OI", dtype="float64", name="w"))


@pytest.mark.parametrize("device", ["cuda", "cpu:0", 0])
def test_unknown_device(device: object) -> None:
    with pytest.raises(FaninValueError, match="device"):
        fanin.init((3, 4), "zeros", backend="numpy", device=device)


def test_no_global_state_is_touched() -> None:
    np.random.seed(7)  # noqa: NPY002  # the global generator is what is watched
    before = np.random.get_state()  # noqa: NPY002
    fanin_numpy.init((300, 300), "he", layout="OI")
    after = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (0, FaninValueError, "Received: 0"),
        (True, FaninTypeError, "True"),
        (2.0, FaninTypeError, "2.0"),
    ],
)
def test_bad_thread_counts(value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fanin_numpy.set_num_threads(value)


def test_bad_engine() -> None:
    with pytest.raises(FaninValueError, match="cython"):
        fanin_numpy.set_engine("cython")  # type: ignore[arg-type]


@pytest.mark.parametrize(("variable", "value"), [("FANIN_NUM_THREADS", "many"), ("FANIN_ENGINE", "cython")])
def test_bad_environment(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    fanin_numpy.set_engine(None)
    with pytest.raises(FaninValueError, match=rf"{variable}.*{value}"):
        fanin_numpy.init((300, 300), "random")
    with pytest.raises(FaninValueError, match=rf"{variable}.*{value}"):
        _ = fanin_numpy.NumpyBackend().engine  # which `fanin backends` shows


def test_environment_sets_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANIN_NUM_THREADS", "3")
    assert fanin_numpy.get_num_threads() == 3


def digest_in_process(code: str, **environment: str) -> str:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=True,
    )
    return run.stdout.strip()


def test_drawing_float32_never_imports_ml_dtypes() -> None:
    code = """
import sys, fanin_numpy
fanin_numpy.init((64, 64), "he", layout="OI", name="w")
print("ml_dtypes" in sys.modules)
"""
    assert digest_in_process(code) == "False"


@pytest.mark.parametrize(("engine", "expected"), [("auto", "numpy"), ("native", "FaninValueError"), ("numpy", "numpy")])
def test_without_the_compiled_kernels(engine: str, expected: str) -> None:
    code = """
import sys
sys.modules["fanin_kernels"] = None  # an import fails, as if it were not installed
import fanin_numpy
try:
    fanin_numpy.init((3, 4), "random")
    print(fanin_numpy.NumpyBackend().engine)
except ValueError as error:
    assert 'pip install "fanin[fast]"' in str(error), error
    print(type(error).__name__)
"""
    assert digest_in_process(code, FANIN_ENGINE=engine) == expected


def test_with_kernels_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain NumPy draws; which kernels draw, and why, is said."""

    def fail() -> None:
        raise ImportError("fanin-kernels was built without its library.")

    monkeypatch.setattr(_engine, "_native_engine", fail)
    monkeypatch.setenv("FANIN_ENGINE", "auto")
    fanin_numpy.set_engine(None)
    assert fanin_numpy.init((3, 4), "random").shape == (3, 4)
    assert fanin_numpy.NumpyBackend().engine == "numpy (fanin-kernels cannot be loaded)"
    with pytest.raises(FaninValueError, match=r"which cannot be loaded: fanin-kernels was built without its library\."):
        fanin_numpy.set_engine("native")
    fanin_numpy.set_engine(None)


FORK = """
import hashlib, os, warnings
warnings.simplefilter("ignore")  # the interpreter warns of every fork with threads; that it works is the point
import fanin_numpy
def digest():
    return hashlib.sha256(fanin_numpy.init((600, 500), "he", layout="OI", name="w").tobytes()).hexdigest()
fanin_numpy.set_num_threads(2)
parent = digest()
read, write = os.pipe()
if os.fork() == 0:
    os.write(write, digest().encode())
    os._exit(0)
os.wait()
print(os.read(read, 64).decode() == parent)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_draws_after_a_fork() -> None:
    assert digest_in_process(FORK) == "True"


def test_draws_where_the_system_lacks_what_unix_has() -> None:
    code = """
import hashlib, os
for name in ("fork", "register_at_fork", "sched_getaffinity"):
    if hasattr(os, name):
        delattr(os, name)
import fanin_numpy
print(hashlib.sha256(fanin_numpy.init((600, 500), "he", layout="OI", name="w").tobytes()).hexdigest())
"""
    here = fanin_numpy.init((600, 500), "he", layout="OI", name="w")
    assert digest_in_process(code) == hashlib.sha256(here.tobytes()).hexdigest()


def test_many_threads_draw_at_once() -> None:
    expected = {k: fanin_numpy.init((300, 400), "he", layout="OI", name=str(k)) for k in range(8)}
    barrier = threading.Barrier(8)

    def draw(k: int) -> np.ndarray[Any, Any]:
        barrier.wait()
        return fanin_numpy.init((300, 400), "he", layout="OI", name=str(k))

    with ThreadPoolExecutor(8) as pool:
        drawn = dict(enumerate(pool.map(draw, range(8))))
    assert all(np.array_equal(drawn[k], expected[k]) for k in range(8))


def test_an_error_in_a_chunk_reaches_the_caller() -> None:
    from fanin_numpy._threads import run_tasks

    done: list[int] = []

    def fail() -> None:
        raise MemoryError("no buffer")

    with pytest.raises(MemoryError, match="no buffer"):
        run_tasks([fail, lambda: done.append(1)], 2, lambda: done.append(3))
    run_tasks([lambda: done.append(2)] * 3, 2, lambda: None)
    assert done.count(2) == 3
    assert done.count(3) >= 1, "what fails gives its memory back too"


def backends_command(**environment: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "fanin", "backends"]
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)
    return run.returncode, run.stdout


@pytest.mark.parametrize(("name", "path"), engines())
def test_the_command_says_which_kernels_draw(name: str, path: str) -> None:
    label = f"native ({path})" if path else name
    code, text = backends_command(FANIN_ENGINE=name, **({"FANIN_KERNEL": path} if path else {}))
    (line,) = (line for line in text.splitlines() if line.startswith("numpy "))
    assert code == 0
    assert f" {label} " in line


@pytest.mark.skipif(("native", "scalar") not in engines(), reason="these tests are for plain NumPy")
def test_the_command_says_that_kernels_cannot_be_used() -> None:
    code, text = backends_command(FANIN_ENGINE="native", FANIN_KERNEL="sse9")
    assert code == 1
    assert "FANIN_KERNEL cannot be used: unknown kernels. Received: 'sse9'" in text
