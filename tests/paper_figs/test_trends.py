"""Trends of the paper: found where the data have them, and missed where they have not."""

from __future__ import annotations

import pytest

from paper_figs.__main__ import RESULTS
from paper_figs.table import Table
from paper_figs.trends import TRENDS, Trend, checked


@pytest.mark.parametrize("trend", TRENDS, ids=lambda trend: f"{trend.figure}: {trend.claim[:40]}")
def test_every_trend_can_be_judged(trend: Trend) -> None:
    """Each is judged on the committed table, at one point at least."""
    table = Table.read(RESULTS / f"{trend.figure}.csv")
    assert trend.holds(table)
    assert checked(trend, table).startswith(("yes", "no", "at "))


def test_what_does_not_hold_is_named() -> None:
    """Points where a trend fails are listed; one that fails everywhere is no trend."""
    assert checked(Trend("x", "y", lambda table: {"a": True, "b": False}), Table((), ())) == "at 1 of 2 points; not: b"
    assert checked(Trend("x", "y", lambda table: {"all": False}), Table((), ())) == "no"
    reasoned = Trend("x", "y", lambda table: {"all": False}, lambda table: "The table says 0.5")
    assert checked(reasoned, Table((), ())) == "no. The table says 0.5"
    assert checked(Trend("x", "y", lambda table: {"a": True, "b": True}), Table((), ())) == "yes, at all 2 points"


@pytest.mark.parametrize("figure", ["fig07", "fig12", "fig13"])
def test_trends_follow_the_data(figure: str) -> None:
    """When TetriServe loses everywhere, nobody says that it wins anywhere."""
    table = Table.read(RESULTS / f"{figure}.csv")
    lost = Table.of({**row, "sar": 0.0 if row["policy"] == "dp" else row["sar"]} for row in table.records())
    trend = next(trend for trend in TRENDS if trend.figure == figure and "best" in trend.claim)
    assert any(trend.holds(table).values())
    assert not any(trend.holds(lost).values())


def test_order_of_the_ablation_follows_the_data() -> None:
    """With the stages' attainment turned round, scale-up no longer raises it."""
    table = Table.read(RESULTS / "table5.csv")
    turned = Table.of({**row, "sar": 1 - float(str(row["sar"]))} for row in table.records())
    trend = next(trend for trend in TRENDS if "scale-up raises" in trend.claim)
    assert all(trend.holds(table).values())
    assert not any(trend.holds(turned).values())
