"""One purpose, one label: the labels, and where the source uses them."""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import securemail
from securemail.crypto.labels import Label

PACKAGE = Path(securemail.__file__).parent
CRYPTO = PACKAGE / "crypto"
DERIVING = {"derive"}
LOCKING = {"lock", "lock_to"}
OPENING = {"unlock", "unlock_with", "_open_directory", "_unlock_directory"}
NAMING = {"context"}
SIGNING = {"_sign", "tag"}
CHECKING = {"_verify"}
# The self-test repeats frozen answers of other places on purpose.
SOURCES = sorted(path for path in CRYPTO.glob("*.py") if path.name not in {"labels.py", "selftest.py"})


def uses() -> Iterator[tuple[str, str, str]]:
    """(label, called function, calling function) for each mention of a label in a call."""
    for path in SOURCES:
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                for call in ast.walk(function):
                    if isinstance(call, ast.Call):
                        for argument in call.args:
                            if is_label(argument):
                                yield argument.attr, called(call), f"{path.stem}.{function.name}"


def is_label(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Label"


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def places() -> dict[str, dict[str, set[str]]]:
    kinds = {"derive": DERIVING, "lock": LOCKING, "open": OPENING, "name": NAMING, "sign": SIGNING, "check": CHECKING}
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for label, function, caller in uses():
        kind = next(kind for kind, functions in kinds.items() if function in functions)
        found[label][kind].add(caller)
    return found


@pytest.mark.parametrize("label", [label.name for label in Label])
def test_a_label_has_one_purpose(label: str) -> None:
    found = places()[label]
    assert found, "a label nobody uses"
    assert all(len(callers) == 1 for callers in found.values()), found
    assert ("lock" in found) == ("open" in found)
    assert "check" not in found or "sign" in found
    assert not (found.keys() & {"lock", "open"} and found.keys() & {"sign", "check"})


def test_labels_are_mentioned_only_as_arguments_of_those_calls() -> None:
    mentions = sum(is_label(node) for path in SOURCES for node in ast.walk(ast.parse(path.read_text())))
    assert mentions == len(list(uses()))


def test_labels_differ_and_are_short_ascii() -> None:
    values = [label.value for label in Label]
    assert len(set(values)) == len(values)
    assert all(value.isascii() and 0 < len(value) < 256 for value in values)


@pytest.mark.parametrize("label", [label.value for label in Label])
def test_each_stands_in_the_written_format(label: str) -> None:
    written = (CRYPTO / "README.md").read_text("utf-8")
    assert f"`{label}`" in written or f'"{label}"' in written


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_only_this_package_imports_primitives() -> None:
    outside = [path for path in PACKAGE.rglob("*.py") if CRYPTO not in path.parents]
    assert outside
    assert [path for path in outside for name in imported(path) if name.split(".")[0] == "cryptography"] == []


def test_no_module_calls_a_bare_aead() -> None:
    bare = "cryptography.hazmat.primitives.ciphers"
    assert [path for path in PACKAGE.rglob("*.py") for name in imported(path) if name.startswith(bare)] == []


def test_this_package_knows_no_web_and_no_database() -> None:
    allowed = {"cryptography", "securemail", "__future__"}
    own = {"securemail.crypto", "securemail.errors", "securemail.ids"}
    for path in CRYPTO.glob("*.py"):
        for name in imported(path):
            top = name.split(".")[0]
            assert top in allowed or top in sys.stdlib_module_names, (path, name)
            assert top != "securemail" or ".".join(name.split(".")[:2]) in own, (path, name)


def test_labels_are_named_nowhere_else() -> None:
    outside = [path for path in PACKAGE.rglob("*.py") if CRYPTO not in path.parents]
    assert [path for path in outside for name in imported(path) if name.startswith("securemail.crypto.labels")] == []
