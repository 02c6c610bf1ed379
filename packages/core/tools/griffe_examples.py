"""For the documentation's site: read the section `Example:` of a docstring as one of examples, which it is.

Google style knows the section as "Examples"; one example deserves the singular.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

griffe = importlib.import_module("griffe")  # only the site's environment has it, and mypy's does not


def on_instance(self: Any, *, obj: Any, **rest: Any) -> None:
    """Rename the section of every object's docstring."""
    if obj.docstring is not None:
        obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)


Examples = type("Examples", (griffe.Extension,), {"on_instance": on_instance})
