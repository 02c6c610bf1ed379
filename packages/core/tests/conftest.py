"""Makes the toy backend of tests/thirdparty importable, from which the mutants of the suite are made."""

from __future__ import annotations

import sys
from pathlib import Path

_TOY = Path(__file__).parents[3] / "tests" / "thirdparty" / "src"

if str(_TOY) not in sys.path:
    sys.path.insert(0, str(_TOY))
