"""Profiles of published models on one device, at full size and without their weights."""
