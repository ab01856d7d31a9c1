"""The configuration of a run: one dataclass per choice of every group, so that a typo is an error before anything runs.

``python -m experiments.run --help`` explains the groups; ``--cfg job`` prints the configuration that a command line
makes.
"""

from experiments.config.run import CHOICES, RunConfig, register, schema

__all__ = ["CHOICES", "RunConfig", "register", "schema"]
