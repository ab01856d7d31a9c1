"""Names have one meaning."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_public_class_has_a_name_of_its_own() -> None:
    """No two public classes of the library and the laboratory are called the same."""
    places = defaultdict(list)
    for floor in ("profiles", "planner", "executor", "experiments"):
        for path in (ROOT / floor).rglob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}
