"""``python -m experiments.regimes``: see :mod:`experiments.studies.regimes.study`."""

import sys

from experiments.studies.regimes.study import main

if __name__ == "__main__":
    sys.exit(main())
