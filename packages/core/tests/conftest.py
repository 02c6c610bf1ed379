"""Makes importable, here and in processes that a test starts: the toy backend of tests/thirdparty, and the mutants."""

from __future__ import annotations

import sys
from pathlib import Path

_TESTS = Path(__file__).parent

for path in (str(_TESTS), str(_TESTS.parents[2] / "tests" / "thirdparty" / "src")):
    if path not in sys.path:
        sys.path.append(path)
