"""python -m hwgen"""

import sys

from .cli import main

sys.exit(main())
