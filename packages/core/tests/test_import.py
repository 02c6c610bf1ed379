"""What importing the core does, seen from a process of its own."""

from __future__ import annotations

import subprocess
import sys

ARRAY_LIBRARIES = ("numpy", "torch", "jax", "jaxlib", "ml_dtypes", "scipy", "tensorflow", "mlx", "cupy")
HEAVY = ("decimal", "difflib", "fractions", "hashlib", "importlib.metadata", "importlib.resources", "pytest", "rich")


def modules_after(code: str) -> set[str]:
    command = f"import sys; before = set(sys.modules); {code}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_importing_the_core_imports_no_array_library() -> None:
    loaded = modules_after("import fanin")
    assert "fanin.plans" in loaded
    assert loaded.isdisjoint(ARRAY_LIBRARIES)


def test_importing_the_core_leaves_slow_modules_for_later() -> None:
    assert modules_after("import fanin").isdisjoint(HEAVY)


def test_planning_and_the_reference_need_no_array_library() -> None:
    code = (
        "import fanin, fanin.reference, fanin.golden; "
        "fanin.golden.golden_cases(); fanin.known_backends(); "
        "list(fanin.reference.bits(fanin.plan((2, 3), 'he_truncated_normal', layout='OI', name='w')))"
    )
    loaded = modules_after(code)
    assert {"fanin.reference", "fanin.golden", "decimal", "hashlib"} <= loaded
    assert loaded.isdisjoint(ARRAY_LIBRARIES)


def test_importing_the_core_changes_no_global_state() -> None:
    code = (
        "import random, decimal, warnings; random.seed(1); state = random.getstate(); "
        "context = str(decimal.getcontext()); filters = list(warnings.filters); "
        "import fanin; fanin.plan((2, 3), 'he_truncated_normal', layout='OI'); "
        "assert random.getstate() == state; assert str(decimal.getcontext()) == context; "
        "assert warnings.filters == filters"
    )
    assert "fanin" in modules_after(code)
