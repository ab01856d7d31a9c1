import pytest

from profiles import Shape
from profiles.flux_h100 import spread


def test_table_values() -> None:
    """Tests that the resolutions of Table 1 have exactly its values."""
    assert spread(Shape(256, 256), 4) == 0.0067
    assert spread(Shape(2048, 2048), 8) == 0.0028


def test_between_and_beyond() -> None:
    """Tests that the spread lies between its neighbours inside the table, and is the nearest one outside."""
    assert 0.0009 < spread(Shape(768, 768), 8) < 0.0053
    assert spread(Shape(724, 724), 8) == pytest.approx((0.0009 + 0.0053) / 2, rel=1e-3)
    assert spread(Shape(128, 128), 2) == spread(Shape(256, 256), 2)
    assert spread(Shape(4096, 4096), 2) == spread(Shape(2048, 2048), 2)


def test_unknown_degree() -> None:
    """Tests that a degree that Table 1 lacks is refused."""
    with pytest.raises(KeyError):
        spread(Shape(256, 256), 3)
