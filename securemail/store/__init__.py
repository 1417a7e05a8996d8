"""Tables and queries: what is kept, and how it is found again."""
