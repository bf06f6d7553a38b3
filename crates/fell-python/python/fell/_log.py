"""Where the package says what it did."""

import logging

logger = logging.getLogger("fell")
