"""The measured profile as text."""

from __future__ import annotations

from executor.measure.report import size, table
from profiles import Profile, Shape, StepEntry
from profiles.communication import CollectiveEntry, Communication, GroupEntry, RegroupEntry

DAY = "2026-01-31"
STEPS = tuple(
    StepEntry(Shape(64, 64), degree, 1, link, 0.005, 0.1, known, "test", DAY)
    for degree, link, known in ((1, "local", "measured"), (2, "cpu", "emulated"))
)


def test_everything_is_shown() -> None:
    """Tests that each entry has its line, in its unit, and that link models say that they are models."""
    talk = Communication(
        (
            CollectiveEntry("all_to_all", 2, "cpu", 2**20, 0.002, 0.1, "test", DAY),
            CollectiveEntry("all_gather", 2, "cpu", 2**10, 0.001, 0.1, "test", DAY),
        ),
        (GroupEntry(2, "cpu", 0.25, 0.1, 3 * 2**20, "test", DAY),),
        (RegroupEntry(2, 1, 0.0005, 0.1, "test", DAY),),
    )
    lines = table(Profile("p", "m", "h", ("cpu",), 1, STEPS, communication=talk)).splitlines()
    assert [line.split()[-1] for line in lines[1:3]] == ["measured", "emulated"]
    assert ["1", "KiB", "-", "1000"] in [line.split() for line in lines]
    assert ["1", "MiB", "2000", "-"] in [line.split() for line in lines]
    assert any(line.startswith("modelled: a collective of 2 on cpu") for line in lines)
    assert any("make a group of 2 on cpu" in line and "250.00" in line and "3 MiB" in line for line in lines)
    assert any("from a step on 2 to one on 1" in line and "0.50" in line for line in lines)


def test_without_communication() -> None:
    """Tests that a profile of steps alone is one table."""
    assert len(table(Profile("p", "m", "h", ("cpu",), 1, STEPS)).splitlines()) == 3


def test_size() -> None:
    """Tests bytes in words."""
    assert [size(n) for n in (0, 512, 1024, 3 * 2**19, 5 * 2**30)] == ["0 B", "512 B", "1 KiB", "1.5 MiB", "5 GiB"]
