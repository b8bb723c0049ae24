"""``python -m mixirt``: the command line."""

import sys

from mixirt.cli import main

sys.exit(main())
