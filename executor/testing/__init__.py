"""What every engine must keep, as a check for those of your own; the project's engines are tested by the same.

>>> check_engine(make, cluster, profile, shapes)  # doctest: +SKIP

A :class:`planner.testing.ConformanceError` names the rule that was broken, and where.
"""

from executor.testing.audit import Audited
from executor.testing.engines import check_engine
from executor.testing.plans import RandomPlans

__all__ = ["Audited", "RandomPlans", "check_engine"]
