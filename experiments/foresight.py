"""``python -m experiments.foresight``: see :mod:`experiments.studies.foresight`."""

import sys

from experiments.studies.foresight import main

if __name__ == "__main__":
    sys.exit(main())
