from __future__ import annotations

import numpy as np
import pytest

from planner.programs.linear import LinearProgram


def program() -> LinearProgram:
    """Two rows, one of them empty: x0 + 2 x1 <= 2, and nothing <= 0; x2 is continuous, from -1 to 3."""
    return LinearProgram(
        rewards=np.array([1.0, 2.0, -1.0]),
        row_starts=np.array([0, 2, 2]),
        columns=np.array([0, 1]),
        coefficients=np.array([1.0, 2.0]),
        capacity=np.array([2.0, 0.0]),
        lower=np.array([0.0, 0.0, -1.0]),
        upper=np.array([1.0, 1.0, 3.0]),
        integer=np.array([True, True, False]),
        start=np.zeros(3),
    )


@pytest.mark.parametrize(
    ("x", "violation"),
    [
        ([0, 1, 0.5], 0.0),
        ([1, 1, 0], 1.0),
        ([0.5, 0, 0], 0.5),
        ([0, 0, 3.25], 0.25),
        ([0, 0, -1.5], 0.5),
        ([-1, 0, 0], 1.0),
    ],
)
def test_violation(x: list[float], violation: float) -> None:
    """Tests rows, bounds and integrality by hand."""
    assert program().violation(np.array(x, dtype=float)) == pytest.approx(violation)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [0, 2])
def test_what_is_no_number_is_no_point(bad: float, where: int) -> None:
    """Tests that a point with NaN or infinity in it is never feasible."""
    x = np.zeros(3)
    x[where] = bad
    assert not program().violation(x) <= 1e-6


def test_value_and_rows() -> None:
    """Tests the objective value and the way rows are stored."""
    linear = program()
    assert linear.value(np.array([1.0, 0.5, 2.0])) == 0.0
    assert (linear.size, linear.rows) == (3, 2)
    assert [part.tolist() for part in linear.row(0)] == [[0, 1], [1.0, 2.0]]
    assert [part.tolist() for part in linear.row(1)] == [[], []]
