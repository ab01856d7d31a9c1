"""Cells of a large cluster planned side by side: in processes of this machine, or on a Ray cluster."""

from executor.cells.processes import InProcesses

__all__ = ["InProcesses"]
