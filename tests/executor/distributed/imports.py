"""Import, once, in the process that workers and squads are forked from, what they need in these tests.

That is the code of all families, not of one as in a run, and what test modules import: a worker whose target is a function of
a test module imports that module.
"""

from __future__ import annotations

import gc
from importlib import import_module

import diffusers

from executor.models.folder import SERVED

MODULES = (
    "av",
    "executor.testing",
    "experiments.fidelity.__main__",
    "experiments.results.trace",
    "experiments.serving",
    "pyarrow.parquet",
    "pytest",
    "tests.executor.distributed.plainly",
    "tests.executor.distributed.serving",
    "tests.executor.distributed.zoo",
    "torch._dynamo.backends.debugging",
)
"""With all that they import."""


def import_classes() -> None:
    """Import the pipelines that are served, plain and modular, and with them the modules of their parts."""
    for name in SERVED:
        assert getattr(diffusers, name)
        modular = getattr(diffusers, name.replace("Pipeline", "ModularPipeline"))
        assert getattr(diffusers, modular.default_blocks_name)().expected_components


gc.disable()
for name in MODULES:
    import_module(name)
import_classes()
gc.enable()
gc.collect()
gc.freeze()
