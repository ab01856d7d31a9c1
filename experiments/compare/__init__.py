"""Policies side by side on the same requests: ``python -m experiments.compare``."""
