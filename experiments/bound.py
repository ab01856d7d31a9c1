"""``python -m experiments.bound``: see :mod:`experiments.studies.bound`."""

import sys

from experiments.studies.bound import main

if __name__ == "__main__":
    sys.exit(main())
