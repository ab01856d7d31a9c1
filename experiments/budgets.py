"""``python -m experiments.budgets``: see :mod:`experiments.studies.budgets`."""

import sys

from experiments.studies.budgets import main

if __name__ == "__main__":
    sys.exit(main())
