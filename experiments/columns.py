"""``python -m experiments.columns``: see :mod:`experiments.studies.columns`."""

import sys

from experiments.studies.columns import main

if __name__ == "__main__":
    sys.exit(main())
