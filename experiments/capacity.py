"""``python -m experiments.capacity``: see :mod:`experiments.studies.capacity`."""

import sys

from experiments.studies.capacity import main

if __name__ == "__main__":
    sys.exit(main())
