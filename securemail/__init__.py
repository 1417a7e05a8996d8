"""Mail that only its readers can open."""
