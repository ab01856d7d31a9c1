"""Carry plans out on real devices: diffusers models on groups of workers that change at every step."""
