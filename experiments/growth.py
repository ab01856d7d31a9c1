"""``python -m experiments.growth``: see :mod:`experiments.studies.growth`."""

import sys

from experiments.studies.growth import main

if __name__ == "__main__":
    sys.exit(main())
