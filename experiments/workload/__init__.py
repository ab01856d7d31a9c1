"""Workloads: mixes, arrival processes, generated workloads, traces from files, public traces."""

from experiments.workload.adapters import diffusiondb, gentd26
from experiments.workload.arrivals import Arrivals, Gamma, Piecewise, Poisson
from experiments.workload.deadlines import SloRule, Targets, paper_slo, profile_slo, slo_from_profile, slo_rule
from experiments.workload.generate import Drift, Jitter, LognormalJitter, UniformJitter, generate
from experiments.workload.mixes import Mix, ShapeClass, custom_mix, named_mix, named_mixes, skewed, uniform
from experiments.workload.summary import WorkloadSummary, summarise, targets_in_words
from experiments.workload.tiers import Tier, custom_tiers
from experiments.workload.trace import TraceError, read_trace, write_trace
from experiments.workload.workload import Workload, rate_per_minute, rescale, window

__all__ = [
    "Arrivals",
    "Drift",
    "Gamma",
    "Jitter",
    "LognormalJitter",
    "Mix",
    "Piecewise",
    "Poisson",
    "ShapeClass",
    "SloRule",
    "Targets",
    "Tier",
    "TraceError",
    "UniformJitter",
    "Workload",
    "WorkloadSummary",
    "custom_mix",
    "custom_tiers",
    "diffusiondb",
    "generate",
    "gentd26",
    "named_mix",
    "named_mixes",
    "paper_slo",
    "profile_slo",
    "rate_per_minute",
    "read_trace",
    "rescale",
    "skewed",
    "slo_from_profile",
    "slo_rule",
    "summarise",
    "targets_in_words",
    "uniform",
    "window",
    "write_trace",
]
