"""Imports point down only, as docs/architecture.md draws the house; read from the source, nothing is executed."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from securemail.config import ROOT

PACKAGE = ROOT / "securemail"
DOMAIN = {"identity", "mailboxes", "messages", "guests", "organisations", "delivery"}
LAYERS: tuple[set[str], ...] = (
    {"config", "config_bounces", "config_reader", "config_sms", "errors", "clock", "ids", "i18n"},
    {"crypto", "store"},
    DOMAIN,
    {"runtime"},
    {"web"},
    {
        "bounce_intake",
        "bounce_pipe",
        "bounce_server",
        "cli",
        "worker",
        "release",
        "processes",
        "devrun",
        "devsink",
        "devsink_pages",
        "secret_renewal",
        "consent",
    },
)
EDGE = {"flask", "flask_babel", "flask_login", "flask_wtf", "wtforms", "werkzeug", "markupsafe"}


def area(module: str) -> str:
    return module.split(".")[1]


def height(module: str) -> int:
    [level] = [level for level, names in enumerate(LAYERS) if area(module) in names]
    return level


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@cache
def modules() -> dict[str, frozenset[str]]:
    """What each of our modules imports, wherever in the file it does so."""
    files = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
    return {module_of(path): frozenset(imports(ast.parse(path.read_text("utf-8")))) for path in files}


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue  # a name for the type checker alone, absent when the program runs
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            yield from from_import(node)
        else:
            yield from imports(node)


def from_import(node: ast.ImportFrom) -> list[str]:
    module = node.module or ""
    if module != "securemail":
        return [module]
    return [f"securemail.{name.name}" for name in node.names]


def ours(imported: frozenset[str]) -> list[str]:
    return [name for name in imported if name.startswith("securemail.")]


def foreign(imported: frozenset[str]) -> set[str]:
    return {name.partition(".")[0] for name in imported}


def users_of(names: set[str]) -> set[str]:
    return {module for module, imported in modules().items() if foreign(imported) & names}


def test_every_file_has_a_place_in_the_house() -> None:
    known = set().union(*LAYERS)
    assert {area(module) for module in modules()} == known


def test_imports_point_down_only() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, imported in modules().items()
        for name in ours(imported)
        if height(name) > height(module)
    ]
    assert wrong == []


def test_crypto_and_store_know_leaves_only_and_not_each_other() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, imported in modules().items()
        if area(module) in {"crypto", "store"}
        for name in ours(imported)
        if area(name) != area(module) and height(name) > 0
    ]
    assert wrong == []


def test_crypto_knows_no_database() -> None:
    assert [module for module in users_of({"sqlalchemy", "jinja2"}) if area(module) == "crypto"] == []


def test_only_crypto_imports_primitives() -> None:
    primitives = {"cryptography", "hmac", "argon2", "nacl", "Crypto"}
    assert [module for module in users_of(primitives) if area(module) != "crypto"] == []


def test_a_plain_hash_is_taken_by_the_edge_alone_to_name_versions() -> None:
    assert {area(module) for module in users_of({"hashlib"})} <= {"web"}


def test_only_the_edge_knows_flask() -> None:
    assert [module for module in users_of(EDGE) if area(module) != "web"] == []


def test_only_the_entry_points_read_the_environment() -> None:
    readers = {
        module for module in modules() if "os.environ" in (ROOT / (module.replace(".", "/") + ".py")).read_text("utf-8")
    }
    assert {area(module) for module in readers} <= LAYERS[-1] | {"web"}


def test_verbs_never_commit() -> None:
    """Whoever opened the transaction commits it: the edge, or the worker."""
    for module in modules():
        if area(module) in DOMAIN:
            source = (ROOT / (module.replace(".", "/") + ".py")).read_text("utf-8")
            assert ".commit()" not in source, module
