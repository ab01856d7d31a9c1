"""Whole diffusers pipelines, cut into what serving needs: admit, step, decode."""
