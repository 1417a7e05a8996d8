"""Organisations: set-up, members, and the audit log."""
