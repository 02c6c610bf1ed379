"""One weight, every framework, the same bits: also under other instruction sets, threads, kernels and device counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fanin_kernels import supported_paths

BACKENDS = ("numpy", "torch", "jax")

ENVIRONMENTS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "as it is": (BACKENDS, {}),
    "XLA for SSE4.2": (("jax",), {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"}),
    "XLA for AVX2": (("jax",), {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"}),
    "XLA for AVX-512": (("jax",), {"XLA_FLAGS": "--xla_cpu_max_isa=AVX512"}),
    "XLA with 8 devices": (("jax",), {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}),
    "JAX with 64 bits": (("jax",), {"JAX_ENABLE_X64": "1"}),
    "JAX without jit": (("jax",), {"JAX_DISABLE_JIT": "1"}),
    "ATen without vectors": (("torch",), {"ATEN_CPU_CAPABILITY": "default"}),
    "NumPy's kernels, one thread": (("numpy", "torch"), {"FANIN_ENGINE": "numpy", "FANIN_NUM_THREADS": "1"}),
    "NumPy's kernels, two threads": (("numpy",), {"FANIN_ENGINE": "numpy", "FANIN_NUM_THREADS": "2"}),
    "compiled kernels, one thread": (("numpy",), {"FANIN_ENGINE": "native", "FANIN_NUM_THREADS": "1"}),
    "compiled kernels, two threads": (("numpy", "torch"), {"FANIN_ENGINE": "native", "FANIN_NUM_THREADS": "2"}),
}
for path in supported_paths():
    ENVIRONMENTS[f"compiled kernels, {path}"] = ("numpy", "torch"), {"FANIN_ENGINE": "native", "FANIN_KERNEL": path}


def digests(names: tuple[str, ...], environment: dict[str, str]) -> dict[str, dict[str, str]]:
    program = Path(__file__).with_name("digests.py")
    run = subprocess.run(
        [sys.executable, str(program), *names],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, dict[str, str]] = json.loads(run.stdout)
    assert set(found) == set(names)
    return found


@pytest.fixture(scope="module")
def expected() -> dict[str, str]:
    """Return the digests of plain NumPy on one thread, which its own tests check against the scalar reference."""
    return digests(("numpy",), {"FANIN_ENGINE": "numpy", "FANIN_NUM_THREADS": "1"})["numpy"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_digests(expected: dict[str, str], environment: str) -> None:
    names, variables = ENVIRONMENTS[environment]
    found = digests(names, variables)
    assert len(expected) == 22
    assert {name: found[name] for name in names} == dict.fromkeys(names, expected)
