"""Reasons for differences: read off the data, and different when the data are."""

from __future__ import annotations

from paper_figs.__main__ import RESULTS
from paper_figs.figure import Comparison
from paper_figs.figures.causes import CACHED, GREEDY, STAGED, VARIANTS
from paper_figs.reasons import WORDS, closest, reason_of
from paper_figs.table import Table

CAUSES = Table.read(RESULTS / "causes.csv")


def test_the_two_closest_are_named() -> None:
    """What brings a number nearest to the paper's comes first; what does not bring it nearer is left out."""
    values = {"planned at events": 0.89, "rounds of five 2048 steps": 0.91, "late requests dropped": 0.7}
    text = closest(values, 0.75, 0.95)
    assert text.startswith("From 0.75, closest to the paper: rounds of five 2048 steps 0.91")
    assert "planned at events 0.89" in text
    assert "dropped" not in text
    assert "No free parameter" in closest({"planned at events": 0.6}, 0.75, 0.95)


def test_every_variant_has_words() -> None:
    """All that a reason can name is explained."""
    bases = {"as shipped", "no scale-up", "with Nirvana"}
    assert {*VARIANTS, *GREEDY, *STAGED, *CACHED} - bases == set(WORDS)


def test_reasons_follow_the_data() -> None:
    """A reason quotes the table of causes at its own mix and scale, and changes with it."""
    number = Comparison("uniform, scale 1.5, TetriServe", 0.95, 0.75)
    value = CAUSES.number("sar", mix="uniform", scale=1.5, policy="dp", variant="as shipped")
    assert reason_of("fig07", number, CAUSES).startswith(f"From {value:.2f}")
    other = Table.of({**row, "sar": 0.5 if row["variant"] == "as shipped" else row["sar"]} for row in CAUSES.records())
    assert reason_of("fig07", number, other).startswith("From 0.50")


def test_a_harder_load_is_pointed_out_where_the_paper_shows_it() -> None:
    """The paper prints less for the whole system in tables 3 and 5 than in figure 7, for the uniform mix."""
    words = "prints 0.76 in figure 7"
    assert words in reason_of("table3", Comparison("uniform, TetriServe", 0.42, 0.74), CAUSES)
    assert words in reason_of("table5", Comparison("uniform, scale 1.0, + elastic", 0.63, 0.74), CAUSES)
    assert words not in reason_of("table3", Comparison("uniform, RSSP", 0.32, 0.19), CAUSES)
    assert "Nirvana" in reason_of("table3", Comparison("uniform, RSSP + Nirvana", 0.77, 0.54), CAUSES)
