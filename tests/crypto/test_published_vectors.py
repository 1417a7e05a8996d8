"""T10: published vectors, read from the installed `cryptography_vectors`, through the library and our own code."""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from securemail.crypto.keypair import key_pair
from securemail.crypto.secrets import Seed
from tests.crypto import second_reader

VECTORS = Path(cryptography_vectors.__file__).parent


def read_json(name: str) -> Any:
    return json.loads((VECTORS / name).read_text())


def read_records(name: str, first: str) -> Iterator[dict[str, str]]:
    """Records of `name = value` lines, each beginning with the line named `first`."""
    record: dict[str, str] = {}
    for line in (VECTORS / name).read_text().splitlines():
        key, equals, value = (part.strip() for part in line.partition("="))
        if key == first and record:
            yield record
            record = {}
        if equals and not line.startswith("#"):
            record[key] = value
    yield record


def unhex(record: dict[str, str], name: str) -> bytes:
    return bytes.fromhex(record.get(name, ""))


CHUNKED = [v for v in read_json("chunked-encryption/vectors.json")["vectors"] if v["aead"] == "AEAD_AES_256_GCM"]


# These vectors are of the construction with SHA-256. Cobblestone-256 is the construction with SHA-512, which the
# library alone offers: so the vectors prove our second reader, and `test_second_reader` holds the library against it.
@pytest.mark.parametrize("vector", CHUNKED, ids=[v["name"] for v in CHUNKED])
def test_chunked_encryption(vector: dict[str, Any]) -> None:
    message = base64.b64decode(vector["ciphertext"] or "")
    message = zlib.decompress(message) if vector.get("compressed") else message
    key, context = bytes.fromhex(vector["key"]), vector["context"].encode()
    if vector["expect"] == "failure":
        with pytest.raises(InvalidTag):
            second_reader.chunked(key, context, message, algorithm=hashes.SHA256)
        return
    content = second_reader.chunked(key, context, message, algorithm=hashes.SHA256)
    assert (len(content), hashlib.sha256(content).hexdigest()) == (vector["payload_length"], vector["payload_sha256"])


def test_there_are_chunked_vectors_of_both_kinds() -> None:
    assert {vector["expect"] for vector in CHUNKED} == {"success", "failure"}
    assert len(CHUNKED) > 30


HPKE = [v for v in read_json("HPKE/hpke-pq-test-vectors.json") if (v["kem_id"], v["kdf_id"]) == (0x647A, 0x0001)]

AEADS = {1: AEAD.AES_128_GCM, 2: AEAD.AES_256_GCM, 3: AEAD.CHACHA20_POLY1305}


@pytest.mark.parametrize("vector", HPKE)
def test_hybrid_key_pair_and_hpke(vector: dict[str, Any]) -> None:
    pair = key_pair(Seed(bytes.fromhex(vector["skRm"])))
    assert pair.public.hex() == vector["pkRm"]
    seed, info, number = bytes.fromhex(vector["skRm"]), bytes.fromhex(vector["info"]), vector["aead_id"]
    first = vector["encryptions"][0]
    message, aad = bytes.fromhex(vector["enc"] + first["ct"]), bytes.fromhex(first["aad"])
    assert second_reader.hpke(seed, info, message, aead=number, aad=aad).hex() == first["pt"]
    # Only the library's own tests can pass the associated data that published vectors have.
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEADS[number])
    assert openssl.hpke._decrypt_with_aad(suite, message, pair.private, info, aad).hex() == first["pt"]


def test_there_is_a_vector_of_our_key_encapsulation() -> None:
    assert HPKE


def test_x25519() -> None:
    records = list(read_records("asymmetric/X25519/rfc7748.txt", "COUNT"))
    assert len(records) >= 2
    for record in records:
        private = X25519PrivateKey.from_private_bytes(unhex(record, "INPUT_SCALAR"))
        public = X25519PublicKey.from_public_bytes(unhex(record, "INPUT_U"))
        assert private.exchange(public) == unhex(record, "OUTPUT_U")


def test_ml_kem_768() -> None:
    records = list(read_records("asymmetric/MLKEM/kat_MLKEM_768.rsp", "count"))
    assert len(records) >= 100
    for record in records:
        private = MLKEM768PrivateKey.from_seed_bytes(unhex(record, "d") + unhex(record, "z"))
        assert private.public_key().public_bytes_raw() == unhex(record, "pk")
        assert private.decapsulate(unhex(record, "ct")) == unhex(record, "ss")


def test_hkdf() -> None:
    records = list(read_records("KDF/rfc-5869-HKDF-SHA256.txt", "COUNT"))
    assert len(records) >= 3
    for record in records:
        kdf = HKDF(hashes.SHA256(), int(record["L"]), salt=unhex(record, "salt") or None, info=unhex(record, "info"))
        assert kdf.derive(unhex(record, "IKM")) == unhex(record, "OKM")


def test_argon2id() -> None:
    records = list(read_records("KDF/argon2id.txt", "COUNT"))
    cheap = [record for record in records if int(record["memcost"]) <= 1024]
    assert len(cheap) >= 3
    for record in cheap:
        kdf = Argon2id(
            salt=unhex(record, "salt"),
            length=int(record["length"]),
            iterations=int(record["iter"]),
            lanes=int(record["lanes"]),
            memory_cost=int(record["memcost"]),
            ad=unhex(record, "ad") or None,
            secret=unhex(record, "secret") or None,
        )
        assert kdf.derive(unhex(record, "pass")) == unhex(record, "output")


def test_aes_256_gcm() -> None:
    tried = 0
    for record in read_records("ciphers/AES/GCM/gcmDecrypt256.rsp", "Count"):
        if len(unhex(record, "IV")) != 12 or len(unhex(record, "Tag")) != 16:
            continue
        message = unhex(record, "CT") + unhex(record, "Tag")
        aead = AESGCM(unhex(record, "Key"))
        tried += 1
        if "PT" in record:
            assert aead.decrypt(unhex(record, "IV"), message, unhex(record, "AAD")) == unhex(record, "PT")
        else:
            with pytest.raises(InvalidTag):
                aead.decrypt(unhex(record, "IV"), message, unhex(record, "AAD"))
    assert tried > 100
