"""The signature on what we post to an operator's own service: an HMAC with a secret that both sides have in words."""

from cryptography.hazmat.primitives import hashes, hmac


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """`v1=` and 64 hexadecimal digits: HMAC-SHA256 with the secret's UTF-8, over timestamp, a full stop and the body.

    The timestamp (Unix seconds) is signed along, so that a receiver can refuse what is old.
    """
    signer = hmac.HMAC(secret.encode("utf-8"), hashes.SHA256())
    signer.update(f"{timestamp}.".encode("ascii") + body)
    return f"v1={signer.finalize().hex()}"
