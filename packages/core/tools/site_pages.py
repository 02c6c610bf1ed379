"""For the documentation's site: pages are written to be read in the repository too; here they become the site's."""

from __future__ import annotations

import re
from typing import Any

_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+((?:examples|benchmarks|packages|tests|[A-Z]+\.md)[^)]*)\)")
_PROMPTS = re.compile(r"^```python(?=\n>>> )", re.MULTILINE)


def on_page_markdown(markdown: str, **rest: Any) -> str:
    """Name files that lie outside the docs folder instead of linking to them, and mark prompts and results as such."""
    markdown = _OUTSIDE.sub(
        lambda link: link[1] if link[2].strip("/") in link[1] else f"{link[1]} (`{link[2]}`)", markdown
    )
    return _PROMPTS.sub("```pycon", markdown)
