"""``python -m experiments.tune``: see :mod:`experiments.studies.tune`."""

import sys

from experiments.studies.tune import main

if __name__ == "__main__":
    sys.exit(main())
