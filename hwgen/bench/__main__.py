"""python -m hwgen.bench: the same as `hwgen bench`."""

import sys

from ..cli import main

sys.exit(main(["bench", *sys.argv[1:]]))
