"""Carry out: the round loop and the engines that run plans."""

from executor.engine import Engine
from executor.loop import PlannerLatency, Service, serve
from executor.records import Records
from executor.simulated import Physics, SimulatedEngine

__all__ = ["Engine", "Physics", "PlannerLatency", "Records", "Service", "SimulatedEngine", "serve"]
