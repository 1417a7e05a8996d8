"""Mailboxes, the keys that are published for them, and who holds them."""
