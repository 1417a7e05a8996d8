"""Notifications on their way out: the outbox, the worker's claim and retry, rendering and SMTP."""
