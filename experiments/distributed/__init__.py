"""Runs on real workers: which model, how many workers, what they cost, and serving. No torch until workers start."""
