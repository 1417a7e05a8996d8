"""Tests of `securemail.crypto`, file for file, with the exchange, fuzz and vector tests beside them."""
