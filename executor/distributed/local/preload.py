"""Import what workers need, once, in the process that they are forked from.

The folder of the model is taken from the environment, since that process starts with nothing else.
"""

from __future__ import annotations

import os
from pathlib import Path

import executor.distributed.local.transport  # noqa: F401
from executor.distributed.local.forking import VARIABLE
from executor.distributed.worker.imports import import_all

import_all(Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
