"""A model that is there twice, such as a student and its teacher: one note by prefix, and not one for each tensor."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from fanin.auditing.findings import Finding, Severity, names_text
from fanin.auditing.fingerprints import Fingerprint

__all__ = ["whole_copies"]

_MEANT: Final = re.compile(
    r"teacher|student|target|online|momentum|shadow|averag|frozen|initial|"
    r"(?:^|[._/])(?:ema|swa|avg|ref|reference|old|copy|best)(?:[._/]|$)|(?:^|[._/])(?:ema|swa|avg|old|ref)_",
    re.IGNORECASE,
)
"""What a part of a model is called that is meant to start as a copy of another one, or that other one."""

_FEWEST: Final = 2
"""Tensors that are the same under two prefixes before that is more than a tensor that was copied."""


def whole_copies(
    groups: list[list[Fingerprint]], prints: Iterable[Fingerprint]
) -> tuple[list[Finding], list[list[Fingerprint]]]:
    """Return a finding for each prefix under which everything is a copy of what is under another, and what is left.

    Args:
        groups: Tensors that are equal bit for bit.
        prints: All tensors.
    """
    digests = {one.name: one.digest for one in prints}
    tables = {one.name for one in prints if one.is_table}
    found: list[Finding] = []
    copied: set[str] = set()
    for (original, copy), rests in _prefixes(groups).items():
        under = [name for name in digests if name.startswith(copy)]
        unlike = [name for name in under if digests.get(original + name[len(copy) :]) != digests[name]]
        is_meant = bool(_MEANT.search(original) or _MEANT.search(copy))
        is_copy = len(unlike) < len(rests) if is_meant else not unlike
        drawn = [rest for rest in rests if copy + rest not in tables]
        if len(drawn) < _FEWEST or not is_copy or any(copy + rest in copied for rest in rests):
            continue
        copied |= {copy + rest for rest in rests}
        found.append(_finding(original, copy, rests, unlike, is_meant=is_meant))
    rest = [[one for one in group if one.name not in copied] for group in groups]
    return found, [group for group in rest if len(group) > 1]


def _prefixes(groups: list[list[Fingerprint]]) -> dict[tuple[str, str], list[str]]:
    """Return what is equal under each two prefixes that differ by more than numbers, as layers' do not."""
    found: dict[tuple[str, str], list[str]] = {}
    for group in groups:
        if group[0].memory is not None and len({one.memory for one in group}) == 1:
            continue  # one tensor in memory is no copy
        for first, one in ((a, b) for k, b in enumerate(group) for a in group[:k]):
            prefixes = _without_common_end(first.name, one.name)
            if re.sub(r"\d+", "", prefixes[0]) != re.sub(r"\d+", "", prefixes[1]):
                original, copy = sorted(prefixes, key=len) if not all(prefixes) else prefixes
                found.setdefault((original, copy), []).append(one.name[len(prefixes[1]) :])
    return found


def _without_common_end(a: str, b: str) -> tuple[str, str]:
    """Return two names without the words that both end with.

    Example:
        >>> _without_common_end("student.fc.weight", "teacher.net.fc.weight"), _without_common_end("fc.w", "ema.fc.w")
        (('student.', 'teacher.net.'), ('', 'ema.'))
    """
    x, y = re.findall(r"[^./]*[./]?", a)[:-1], re.findall(r"[^./]*[./]?", b)[:-1]
    while x and y and x[-1] == y[-1]:
        x, y = x[:-1], y[:-1]
    return "".join(x), "".join(y)


def _finding(original: str, copy: str, rests: list[str], unlike: list[str], *, is_meant: bool) -> Finding:
    severity: Severity = "note" if is_meant else "error"
    shown = f"{original}* and {copy}*" if original else f"{copy}* and the rest"
    many = f"all {len(rests)}" if not unlike else f"{len(rests)} of {len(rests) + len(unlike)}"
    but = f", but for {names_text(unlike)}" if unlike else ""
    why = "a copy, such as a teacher or an average at its start" if is_meant else "copies, or drawn from one stream"
    names = tuple(prefix + rest for rest in rests for prefix in (original, copy))
    last = copy + rests[-1]
    line = "" if is_meant else f'weights["{last}"][...] = fanin.init(..., name="{last}")  # a stream of its own'
    cause = f"are equal bit for bit, in {many} tensors that are no constants{but}: {why}"
    return Finding(severity, "equal parameters", names, cause, {"prefixes": [original, copy]}, line, shown)
