"""Templates are compiled once for all tests and products on a machine: compiling them took a third of the suite."""

from types import CodeType
from typing import ClassVar

from flask import Flask
from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket


class Compiled(FileSystemBytecodeCache):
    """What was compiled is kept in a folder of the user's own, and in memory; a changed template is compiled anew."""

    _kept: ClassVar[dict[tuple[str, str], CodeType]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))
        if bucket.code is None:
            super().load_bytecode(bucket)
        if bucket.code is not None:
            self._kept[bucket.key, bucket.checksum] = bucket.code

    def dump_bytecode(self, bucket: Bucket) -> None:
        super().dump_bytecode(bucket)
        if bucket.code is not None:
            self._kept[bucket.key, bucket.checksum] = bucket.code


def keep_templates() -> None:
    """From here on, for every application of this process."""
    Flask.jinja_options = {"bytecode_cache": Compiled()}
