"""Digests of our own sources: what was computed or drawn by other code is made anew."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUN = (
    "planner/**/*.py",
    "profiles/*.py",
    "executor/*.py",
    "experiments/studies/bound.py",
    "experiments/runner.py",
    "experiments/config/*.py",
    "experiments/workload/*.py",
    "experiments/results/metrics.py",
    "experiments/results/tiers.py",
    "experiments/results/usage.py",
    "paper_figs/work.py",
)
"""What decides over the result of a simulated run or a bound."""
SCHEMA = ("experiments/config/*.py", "experiments/cli.py")
"""What decides over a composed configuration."""
DRAWING = (
    "paper_figs/style.py",
    "paper_figs/charts.py",
    "paper_figs/timelines.py",
    "experiments/results/panel.py",
    "experiments/results/layout.py",
    "paper_figs/table.py",
    "paper_figs/policies.py",
    "paper_figs/figures/_*.py",
)
"""What all drawings share, beside the module of the figure."""


def digest(patterns: Iterable[str], root: Path = ROOT) -> str:
    """Return a digest of what the modules below ``root`` that match any pattern do.

    Comments, docstrings and the layout of the text make no difference.
    """
    return _digest(tuple(patterns), root)


@cache
def _digest(patterns: tuple[str, ...], root: Path) -> str:
    total = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in root.glob(pattern)}):
        total.update(str(path.relative_to(root)).encode())
        total.update(meaning(path.read_text()).encode())
    return total.hexdigest()


def meaning(source: str) -> str:
    """Return a text that is equal for two sources that differ in comments, docstrings and layout only."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [item for item in body if not _is_text(item)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
