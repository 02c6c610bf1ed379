"""The command `fanin audit`.

The exit code is 1 where a finding is an error or a warning.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from fanin.auditing import audit
from fanin.cli import options as shared
from fanin.cli.files import read_text, write_text
from fanin.cli.text import ExtraMissingError
from fanin.exceptions import FaninError
from fanin.models import Scheme

if TYPE_CHECKING:
    from fanin.auditing import Audit

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "weights",
        metavar="WEIGHTS",
        nargs="+",
        help="a .safetensors, .npz, .pt or .bin file, an *.index.json, or the folder of a checkpoint; several are "
        "replicas, which must be equal",
    )
    parser.add_argument("--scheme", metavar="FILE", help="what is right, as `fanin scheme MODEL --json FILE` writes it")
    parser.add_argument("--seed", type=shared.whole, help="the seed that fanin should have drawn with")
    parser.add_argument(
        "--false-alarm-rate",
        type=shared.number,
        default=1e-6,
        metavar="RATE",
        help="the probability that a right model has a finding (default 1e-6)",
    )
    parser.add_argument(
        "--ignore",
        metavar="PATTERN",
        action="append",
        default=[],
        help='leave out the tensors whose name matches, such as "*.inv_freq", a buffer that is not saved; repeatable',
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--html", metavar="FILE", help="write the report as a page")


def run(options: argparse.Namespace) -> int:
    """Audit, print and write."""
    scheme = None if options.scheme is None else _scheme(options.scheme)
    weights = options.weights if len(options.weights) > 1 else options.weights[0]
    report = _audit(weights, scheme, options)
    if options.html is not None:
        write_text(options.html, _page(report))
    print(report.to_json() if options.json else report, end="" if options.json else "\n")
    return 0 if report.is_well else 1


def _audit(weights: object, scheme: Scheme | None, options: argparse.Namespace) -> Audit:
    settings = {"seed": options.seed, "false_alarm_rate": options.false_alarm_rate, "ignore": options.ignore}
    if not sys.stderr.isatty():
        return audit(weights, scheme, **settings)
    try:
        from fanin.cli.console import progress
    except ModuleNotFoundError:
        return audit(weights, scheme, **settings)
    with progress(100) as advance:
        shown = 0

        def step(name: str, done: int, total: int) -> None:
            nonlocal shown
            now = 100 * done // max(1, total)
            advance(name, now - shown)
            shown = now

        return audit(weights, scheme, **settings, progress=step)


def _page(report: Audit) -> str:
    try:
        return report.to_html()
    except ModuleNotFoundError as error:
        raise ExtraMissingError(f'--html needs {error.name}. Run: pip install "fanin[cli,numpy]".') from error


def _scheme(path: str) -> Scheme:
    text = read_text(path)
    try:
        return Scheme.from_json(text)
    except FaninError as error:
        raise type(error)(f"{path}: {error}") from error
