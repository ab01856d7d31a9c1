"""Arrows of imports go one way: between the floors of the house, and between the rooms of its largest one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import networkx as nx

ROOT = Path(__file__).parents[1]
FLOORS = ("profiles", "planner", "executor", "experiments", "paper_figs")


def imported(path: Path) -> Iterator[list[str]]:
    """Yield the parts of every module that a file imports when it runs; ``from a import b`` counts as a.b."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guards = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    skipped = {id(node) for guard in guards for node in ast.walk(guard)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in skipped:
            yield from ([*node.module.split("."), name.name] for name in node.names)


def test_floors_import_those_below() -> None:
    """A floor imports itself and those before it, and no other."""
    for at, floor in enumerate(FLOORS):
        for path in (ROOT / floor).rglob("*.py"):
            above = {parts[0] for parts in imported(path)} & set(FLOORS[at + 1 :])
            assert not above, f"{path} imports {', '.join(above)}"


def test_rooms_of_the_laboratory_import_each_other_in_no_circle() -> None:
    """Each module or package of experiments is a room; its list of commands is none."""
    home = ROOT / "experiments"
    rooms = {path.stem for path in home.iterdir() if path.suffix == ".py" or path.is_dir()} - {"__init__", "__main__"}
    arrows = nx.DiGraph()
    for path in home.rglob("*.py"):
        room = path.relative_to(home).parts[0].removesuffix(".py")
        others = {parts[1] for parts in imported(path) if parts[0] == "experiments"} & rooms - {room}
        arrows.add_edges_from((room, other) for other in others if room in rooms)
    assert nx.is_directed_acyclic_graph(arrows), nx.find_cycle(arrows)
