"""`python -m clnp_core.cli` is the same as `clnp`."""

import sys

from clnp_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
