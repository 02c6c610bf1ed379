"""For the documentation's site: files beside the docs, such as examples, are named there and not linked."""

from __future__ import annotations

import re
from typing import Any

_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+((?:examples|benchmarks|packages|tests|[A-Z]+\.md)[^)]*)\)")


def on_page_markdown(markdown: str, **rest: Any) -> str:
    """Replace a link that leads out of the docs folder by its text and the file's path."""
    return _OUTSIDE.sub(lambda link: link[1] if link[2].strip("/") in link[1] else f"{link[1]} (`{link[2]}`)", markdown)
