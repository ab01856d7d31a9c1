"""Sequence parallelism for diffusers transformers, over a group chosen at each call."""

from executor.sequence.communicator import Communicator, Loopback, Pending
from executor.sequence.divert import AttentionError
from executor.sequence.hooks import SequenceParallel
from executor.sequence.plan import Attend, Gather, SequencePlan, Split
from executor.sequence.plans import PLANS, plan_of

__all__ = [
    "PLANS",
    "Attend",
    "AttentionError",
    "Communicator",
    "Gather",
    "Loopback",
    "Pending",
    "SequenceParallel",
    "SequencePlan",
    "Split",
    "plan_of",
]
