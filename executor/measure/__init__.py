"""Make a profile from the hardware at hand: ``python -m executor.measure``."""
