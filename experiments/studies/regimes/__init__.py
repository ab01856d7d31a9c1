"""Where optimization pays, and where it does not: ``python -m experiments.regimes``."""
