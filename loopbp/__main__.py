"""``python -m loopbp`` is ``loopbp``."""

import sys

from loopbp.cli import main

if __name__ == "__main__":
    sys.exit(main())
