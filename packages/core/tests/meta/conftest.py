"""Makes the toy backend of tests/thirdparty importable, from which mutants are made, and the tests' own adapters.

The latter for the other process of `streams.process`, which imports what it is to draw with.
"""

from __future__ import annotations

import sys
from pathlib import Path

_TOY = Path(__file__).parents[4] / "tests" / "thirdparty" / "src"

for _path in (_TOY, Path(__file__).parents[1]):
    if str(_path) not in sys.path:
        sys.path.append(str(_path))
