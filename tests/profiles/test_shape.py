import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import Shape

sizes = st.integers(1, 10_000)


@given(sizes, sizes, sizes)
def test_label_reads_back(height: int, width: int, frames: int) -> None:
    """Tests that a shape's label names that shape and no other."""
    shape = Shape(height, width, frames)
    assert Shape.parse(shape.label) == shape


def test_height_comes_first() -> None:
    """Tests that labels have height before width, and that a lone number is a square."""
    assert Shape.parse("720x1280x129") == Shape(height=720, width=1280, frames=129)
    assert Shape.parse(" 512 ") == Shape(512, 512)


@pytest.mark.parametrize("label", ["", "x", "10x", "1x2x3x4", "-1x5", "1.5x2", "0x4", "4x4x0"])
def test_bad_labels_are_refused(label: str) -> None:
    """Tests that a label of another form, or with a zero, is refused by name."""
    with pytest.raises(ValueError, match="shape '"):
        Shape.parse(label)
