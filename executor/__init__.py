"""Carry out: the round loop and the engines that run plans."""

from executor.arrivals import Cancel, Live, Replay, Source
from executor.emulated import EmulatedEngine
from executor.engine import Engine
from executor.loop import serve
from executor.physics import Physics
from executor.records import Records
from executor.service import PlannerLatency, Service
from executor.simulated import SimulatedEngine
from executor.watch import Calls, Watch

__all__ = [
    "Calls",
    "Cancel",
    "EmulatedEngine",
    "Engine",
    "Live",
    "Physics",
    "PlannerLatency",
    "Records",
    "Replay",
    "Service",
    "SimulatedEngine",
    "Source",
    "Watch",
    "serve",
]
