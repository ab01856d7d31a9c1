"""``python -m experiments.optimum``: see :mod:`experiments.studies.optimum`."""

import sys

from experiments.studies.optimum import main

if __name__ == "__main__":
    sys.exit(main())
