"""Every primitive, byte format and label of the product: bytes in, bytes out; no web, no database (see README.md)."""
