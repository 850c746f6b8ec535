"""`python -m rtrave`."""

import sys

from rtrave.cli import main

sys.exit(main())
