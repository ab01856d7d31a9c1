"""Decide: requests, rounds, plans, objectives, programs and solvers."""
