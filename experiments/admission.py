"""``python -m experiments.admission``: see :mod:`experiments.studies.admission`."""

import sys

from experiments.studies.admission import main

if __name__ == "__main__":
    sys.exit(main())
