"""The side of a run that computes: one process for each device."""
