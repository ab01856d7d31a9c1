"""Sequence parallelism for diffusers transformers, over a group chosen at each call."""

from executor.distributed.sequence.communicator import Communicator, Loopback, Pending
from executor.distributed.sequence.divert import AttentionError
from executor.distributed.sequence.hooks import SequenceParallel
from executor.distributed.sequence.plan import Attend, Gather, SequencePlan, Split
from executor.distributed.sequence.plans import PLANS, plan_of

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
