"""The page of a probe: one file that works offline, in light and dark."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fanin.signal.result import ModelProbe

__all__ = ["page"]

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; }
h1, li { overflow-wrap: anywhere; }
figure { margin: 1rem 0; overflow-x: auto; background: #fff; }
figure svg { max-width: 100%; height: auto; min-width: 40rem; }
pre { overflow-x: auto; font-size: 0.85rem; }
ol { padding-left: 0; list-style: none; }
ol li { margin: 0.5rem 0; }
b { border: 1px solid; border-radius: 0.3rem; padding: 0 0.4rem; font-size: 0.85rem; }
b.error { color: light-dark(#a4121b, #ff9a94); }
b.warning { color: light-dark(#7a5200, #f2c14e); }
"""


def page(probe: ModelProbe, after: ModelProbe | None = None) -> str:
    """Return the page."""
    from fanin.signal.figure import draw  # which takes matplotlib

    drawn = io.StringIO()
    draw(probe, after, titled=False).savefig(drawn, format="svg", metadata={"Date": None})
    picture = drawn.getvalue()
    found = (f'<li><b class="{one.severity}">{one.severity}</b> {html.escape(str(one))}</li>' for one in probe.findings)
    findings = f"<ol>{''.join(found)}</ol>" if probe.findings else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>Is it the initialization?</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{html.escape(probe.answer)}</h1>\n{findings}\n"
        f"<figure>{picture[picture.index('<svg') :]}</figure>\n<pre>{html.escape(probe.tables)}</pre>\n"
        f"{_listed(probe.remarks)}</body></html>\n"
    )


def _listed(sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{html.escape(one)}</li>" for one in sentences)
    return f"<ul>{items}</ul>" if items else ""
