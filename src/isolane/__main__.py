"""This file lets ``python -m isolane`` be the program `isolane`."""

import sys

from isolane.cli.main import main

sys.exit(main())
