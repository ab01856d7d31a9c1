"""``python -m experiments.prices``: see :mod:`experiments.studies.prices`."""

import sys

from experiments.studies.prices import main

if __name__ == "__main__":
    sys.exit(main())
