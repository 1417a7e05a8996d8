"""Measurements against the goals: ratios of things measured in turn on one machine, never absolute times."""
