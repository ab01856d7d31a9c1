"""The arithmetic of a GPU's memory, and what is assumed in it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.distributed.budget import COMMUNICATOR, CONTEXT, GROUPS, LEAST_COMMUNICATOR, Budget, Expected, activations
from executor.doctor.findings import PARAMETERS
from executor.models.spec import Role
from profiles.shape import Shape

DOCS = Path(__file__).parents[3] / "docs"
TABLES = DOCS / "tables" / "gpu"
ROLES: dict[str, Role] = {"step": "denoise", "encode": "stages", "decode": "stages"}

sizes = st.integers(0, 1 << 38)
budgets = st.builds(Budget, st.integers(1, 1 << 38), sizes, sizes, st.integers(1, 1 << 30), st.integers(0, 40))


@given(budgets)
def test_what_is_derived_fits(budget: Budget) -> None:
    """Tests that as many groups as are derived fit, unless not even none would, and one more does not."""
    assert budget.groups >= 0
    assert budget.fits(budget.groups) or budget.groups == 0
    assert not budget.fits(budget.groups + 1)


@given(budgets, sizes)
def test_more_memory_never_gives_fewer_groups(budget: Budget, more: int) -> None:
    """Tests that a larger GPU has room for no fewer groups, and one of which more is taken, or will be, for no more."""
    total, taken, coming, each, made = (getattr(budget, name) for name in Budget.__slots__)
    assert Budget(total + more, taken, coming, each, made).groups >= budget.groups
    assert Budget(total, taken + more, coming, each, made).groups <= budget.groups
    assert Budget(total, taken, coming + more, each, made).groups <= budget.groups
    assert Budget(total, taken, coming, each + more, made=0).groups <= Budget(total, taken, coming, each).groups


@given(budgets)
def test_groups_that_are_made_count_once(budget: Budget) -> None:
    """Tests that the communicators of groups that are made are part of what is taken: without them as many fit."""
    total, taken, coming, each, made = (getattr(budget, name) for name in Budget.__slots__)
    assert Budget(total, taken + made * each, coming, each, made).groups == Budget(total, taken, coming, each).groups


@pytest.mark.parametrize(
    ("field", "value"), [("total", 0), ("taken", -1), ("coming", -1), ("communicator", 0), ("made", -1)]
)
def test_impossible_budgets_are_refused(field: str, value: int) -> None:
    """Tests that a field out of range is named."""
    fields = {"total": 10, "taken": 1, "coming": 1, "communicator": 1, "made": 1} | {field: value}
    with pytest.raises(ValueError, match=f"^{field} is {value}"):
        Budget(**fields)


def _measured() -> list[tuple[str, Expected, int]]:
    """Return what surveys of an H200 saw of memory beside weights in eager steps: of what, how large, how many bytes."""
    found = []
    weights = {m.name: 2 * (m.transformer + m.texts + m.autoencoder) for m in PARAMETERS.values()}
    lines = [line for file in TABLES.glob("h200-eager*/survey.jsonl") for line in file.read_text().splitlines()]
    for entry in map(json.loads, lines):
        if "item" not in entry:
            continue
        name, kind, shape, degree, batch = entry["item"].split("/")
        if degree == "1":
            found.append((kind, Expected(Shape.parse(shape), int(batch)), entry["peak"] - weights[name]))
    return found


def test_estimates_are_no_less_than_what_was_measured() -> None:
    """Tests that steps, texts and images of the published models took at most what is estimated, the largest hardly less."""
    measured = _measured()
    assert len(measured) > 80
    for kind, largest, taken in measured:
        assert taken <= activations(ROLES[kind], largest, "bfloat16")
    for kind in ("step", "decode"):
        taken, largest = max((taken, largest) for each, largest, taken in measured if each == kind)
        assert activations(ROLES[kind], largest, "bfloat16") < 1.1 * taken


def test_what_activations_grow_with() -> None:
    """Tests that wider types, batches, frames and images take more, tiles bound an image, and doing both takes the more."""
    small, large, batch = Expected(), Expected(Shape(2048, 2048)), Expected(batch=4)
    assert activations("denoise", small, "float32") > activations("denoise", small, "bfloat16")
    assert activations("denoise", batch, "bfloat16") > activations("denoise", small, "bfloat16")
    assert activations("stages", batch, "bfloat16") == activations("stages", small, "bfloat16")
    assert activations("stages", large, "bfloat16") > activations("stages", small, "bfloat16")
    assert activations("stages", large, "bfloat16", tiling=True) == activations("stages", small, "bfloat16")
    video = Expected(Shape(1024, 1024, 81))
    assert activations("denoise", video, "bfloat16") > activations("denoise", small, "bfloat16")
    for largest in (small, large, batch):
        alone = max(activations(role, largest, "bfloat16") for role in ROLES.values())
        assert activations("denoise and decode", largest, "bfloat16") == alone


def test_the_largest() -> None:
    """Tests that the shape of most pixels, and the largest batch, are what counts."""
    assert Expected.of([Shape(64, 64), Shape(512, 256), Shape(256, 256)], [1, 4, 2]) == Expected(Shape(512, 256), 4)
    assert Expected.of([Shape(64, 64, 81), Shape(128, 128)]).shape.frames == 81
    with pytest.raises(ValueError, match=r"^batch is 0"):
        Expected(batch=0)


def test_assumptions_are_those_of_the_document() -> None:
    """Tests that the document says the assumptions that are made."""
    said = " ".join((DOCS / "executor.md").read_text().split())
    assert f"contexts as {CONTEXT >> 20} MiB each" in said and f"{GROUPS} is the most" in said
    assert f"assumed to take {COMMUNICATOR / 1e9:g} GB" in said
    assert f"else by {LEAST_COMMUNICATOR / 1e6:g} MB a group" in said


def test_the_least_of_a_group_is_what_was_seen() -> None:
    """Tests that no group is refused for more than a member was seen to take with NCCL on a GPU."""
    rows = csv.DictReader((TABLES / "nccl" / "engine.csv").open())
    seen = next(float(row["found"]) for row in rows if row["what"] == "group of two, memory of both members")
    assert 0.8 * seen / 2 < LEAST_COMMUNICATOR / 2**20 <= seen / 2 < COMMUNICATOR / 2**20
