"""Profiles of the hardware at hand: steps and stages, collectives and groups, and one member's share of larger groups."""
