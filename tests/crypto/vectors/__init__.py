"""Frozen answers of every format, and the script that made them."""
