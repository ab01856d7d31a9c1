"""A library of rounds met in real runs, with the best known value and a proven bound for each program."""

from experiments.instances.library import Instance, Known, load_library, read_known

__all__ = ["Instance", "Known", "load_library", "read_known"]
