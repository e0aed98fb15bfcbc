"""`python -m keras_mixgan` is `keras-mixgan`."""

import sys

from keras_mixgan.cli.program import main

if __name__ == "__main__":
    sys.exit(main())
