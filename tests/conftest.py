"""Settings that hold for every test.

Property tests draw the same examples in every run, so that a change decides whether they pass. To look for new
counterexamples: ``HYPOTHESIS_PROFILE=explore pytest tests/planner``.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
