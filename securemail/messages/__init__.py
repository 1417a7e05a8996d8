"""Conversations and messages: writing, sending, reading, receipts, taking back."""
