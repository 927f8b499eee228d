"""The command ``jobruns``, as ``python -m jobruns_sdk``."""

import sys

from jobruns_sdk.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
