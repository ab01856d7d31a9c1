"""``python -m experiments.decoding``: see :mod:`experiments.studies.decoding`."""

import sys

from experiments.studies.decoding import main

if __name__ == "__main__":
    sys.exit(main())
