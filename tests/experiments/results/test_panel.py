"""The panel of a timeline: names, colours, hatching, and crosses where deadlines were missed."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from executor.engine import Segment
from executor.records import Records
from experiments.results.panel import PanelSize, draw_key, draw_panel
from planner.request import Request
from profiles.shape import Shape

ROOM = PanelSize(width=600.0, row=20.0, lane=1.0)


def drawn(room: PanelSize = ROOM, names: dict[int, str] | None = None) -> Axes:
    """Draw two requests on two GPUs: the first is on time, the second runs two seconds past its deadline."""
    requests = (Request(0, Shape(256, 256), 1, 0.0, 3.0), Request(1, Shape(256, 256), 1, 1.0, 4.0))
    segments = [Segment((0,), (0,), 0.0, 2.0, 1), Segment((1,), (1,), 1.0, 6.0, 1)]
    records = Records(requests, {0: 2.0, 1: 6.0}, segments=segments, ended=6.0, complete=True)
    axes = Figure().add_subplot()
    draw_panel(axes, records, 2, (0.0, 8.0), room, {0: "#77aadd", 1: "#eedd88"}, names)
    return axes


def test_rectangles_have_the_colours_and_names_of_their_requests() -> None:
    """Every segment is a rectangle with the name of its request, by default its number."""
    axes = drawn()
    assert {text.get_text() for text in axes.texts} == {"0", "1"}
    assert {"A", "B"} == {text.get_text() for text in drawn(names={0: "A", 1: "B"}).texts}
    faces = [tuple(round(255 * part) for part in face[:3]) for c in axes.collections for face in c.get_facecolor()]
    assert (0x77, 0xAA, 0xDD) in faces
    assert (0xEE, 0xDD, 0x88) in faces


def test_work_past_the_deadline_is_hatched_and_the_deadline_crossed() -> None:
    """The hatch begins at the deadline that was missed, and only there is a cross."""
    axes = drawn()
    hatched = [c for c in axes.collections if c.get_hatch()]
    assert [box.x0 for c in hatched for box in (path.get_extents() for path in c.get_paths())] == [4.0]
    assert [list(line.get_xdata()) for line in axes.get_lines() if line.get_marker() == "x"] == [[4.0]]


def test_names_that_would_be_too_small_are_left_out() -> None:
    """On a panel a few points wide nothing is written into rectangles; the cross keeps its name."""
    assert [text.get_text() for text in drawn(PanelSize(10.0, 20.0, 1.0)).texts] == ["1"]


def test_key_explains_every_mark() -> None:
    """Arrival, deadlines met and missed, and work past them."""
    axes = Figure().add_subplot()
    draw_key(axes)
    assert [text.get_text() for text in axes.texts] == [
        "arrival",
        "deadline met",
        "missed deadline",
        "work past the deadline",
    ]
