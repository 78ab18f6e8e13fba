"""Which behaviours go with conversion: the design, the estimates, and the checks on both."""
