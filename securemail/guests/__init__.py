"""Receivers without an account: links, their browsers' sessions, and their answers."""
