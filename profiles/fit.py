r"""Fit the constants of the analytic model on known step times.

In :math:`c_0, 1/P, \alpha, 1/B` the model is linear, so least squares on the relative error under
non-negativity is one convex problem: no starting point, no local optimum, the same answer everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from profiles.entries import ProfileError
from profiles.model import Architecture, Constants
from profiles.points import Point
from profiles.shape import Shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONSTANTS = ("overhead", "tflops", "sync", "bandwidth")
RATES = ("tflops", "bandwidth")
DIGITS = 4
"""Significant digits of fitted constants; few, so that the last bits of a platform do not matter."""


@dataclass(frozen=True)
class Fit:
    """Fitted constants, and how well they explain the points.

    Parameters
    ----------
    architecture
        What the arithmetic and traffic were counted for.
    constants
        The fitted, or pinned, constants.
    points
        What they were fitted on.
    errors
        Relative errors, model / point - 1, one a point.
    """

    architecture: Architecture
    constants: Constants
    points: tuple[Point, ...]
    errors: tuple[float, ...]

    @property
    def mean_error(self) -> float:
        """Mean of the absolute relative errors; not a number if there were no points."""
        return sum(map(abs, self.errors)) / len(self.errors) if self.errors else math.nan

    @property
    def worst_error(self) -> float:
        """Largest absolute relative error; not a number if there were no points."""
        return max(map(abs, self.errors), default=math.nan)

    def covers(self, shape: Shape, degree: int) -> bool:
        """Whether the sequence length and the degree both lie between those of the points."""
        if not self.points:
            return False
        lengths = [self.architecture.tokens(point.shape) for point in self.points]
        degrees = [point.degree for point in self.points]
        return min(lengths) <= self.architecture.tokens(shape) <= max(lengths) and min(degrees) <= degree <= max(
            degrees
        )


def fit_constants(
    architecture: Architecture, points: Sequence[Point], pinned: Mapping[str, float] | None = None
) -> Fit:
    """Least squares on the relative error, with non-negative constants.

    Parameters
    ----------
    architecture
        Whose arithmetic and traffic to count.
    points
        Known step times.
    pinned
        Constants that are given, in the units of `Constants`.

    Raises
    ------
    ProfileError
        If a pinned constant is unknown or impossible, if the points do not determine the others, or if they
        show no cost of arithmetic.
    """
    pinned = dict(pinned or {})
    for name in pinned:
        if name not in CONSTANTS:
            raise ProfileError(f"cannot pin {name!r}; the constants are {', '.join(CONSTANTS)}")
    free = [name for name in CONSTANTS if name not in pinned]
    values = pinned | (_solve(architecture, points, pinned, free) if free else {})
    try:
        constants = Constants(**values)
    except ValueError as error:
        raise ProfileError(f"the fit is impossible: {error}") from None
    errors = (constants.step_time(architecture, p.shape, p.degree) / p.seconds - 1 for p in points)
    return Fit(architecture, constants, tuple(points), tuple(errors))


def _solve(
    architecture: Architecture, points: Sequence[Point], pinned: Mapping[str, float], free: Sequence[str]
) -> dict[str, float]:
    import numpy as np
    from scipy.optimize import nnls

    rows = np.array([_terms(architecture, point) for point in points]).reshape(-1, len(CONSTANTS))
    seconds = np.array([point.seconds for point in points])
    columns = {name: rows[:, i] / seconds for i, name in enumerate(CONSTANTS)}
    target: NDArray[np.float64] = np.ones(len(points))
    for name, value in pinned.items():
        target = target - columns[name] * (1 / value if name in RATES else value)
    matrix = np.stack([columns[name] for name in free], axis=1)
    if np.linalg.matrix_rank(matrix) < len(free):
        raise ProfileError(
            f"{len(points)} points do not determine {', '.join(free)}; "
            "add points of other shapes and degrees, or pin some constants"
        )
    solution, _ = nnls(matrix, target)
    return {name: _constant(name, float(value)) for name, value in zip(free, solution, strict=True)}


def _terms(architecture: Architecture, point: Point) -> tuple[float, float, float, float]:
    """Return what `CONSTANTS`, rates inverted, are multiplied with."""
    compute = architecture.tflop(point.shape) / point.degree
    return 1.0, compute, float(point.degree > 1), architecture.traffic(point.shape, point.degree)


def _constant(name: str, value: float) -> float:
    if name not in RATES:
        return rounded(value, DIGITS)
    return rounded(1 / value, DIGITS) if value > 0 else math.inf


def rounded(value: float, digits: int) -> float:
    """Round to significant digits."""
    return float(f"{value:.{digits}g}")
