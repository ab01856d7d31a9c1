"""Carry out: the round loop and the engines that run plans."""
