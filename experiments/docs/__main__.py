"""``python -m experiments.docs``: see :mod:`experiments.docs.filling`."""

import sys

from experiments.docs.filling import main

if __name__ == "__main__":
    sys.exit(main())
