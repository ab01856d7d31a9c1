"""How long a test waits for another process or thread before it says that nothing comes.

No measure of speed: on a machine that does much else, a process may take minutes to start. Tests that wait for something
look again and again, so that on a free machine none takes longer for it.
"""

from __future__ import annotations

PATIENCE = 600.0
"""Seconds; less than what pytest gives a test (``timeout`` in ``pyproject.toml``), so that it can say what did not come."""
