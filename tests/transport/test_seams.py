"""The package uses what botocore, aiobotocore and aiohttp offer, and nothing that they keep to themselves.

Ruff's SLF001 finds private members that are named; this finds those that are named in a text or imported, too, and
members of their modules and classes that are replaced.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import jobruns_sdk

PACKAGE: Final = Path(jobruns_sdk.__file__).parent
LIBRARIES: Final = frozenset({"aiobotocore", "aiohttp", "boto3", "botocore"})
BY_TEXT: Final = frozenset({"attrgetter", "delattr", "getattr", "hasattr", "methodcaller", "setattr"})
OWN: Final = frozenset({"self", "cls"})


def is_private(name: str) -> bool:
    return any(part.startswith("_") and not part.endswith("__") for part in name.split("."))


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str, str]]:
    """Find what is imported of the libraries: where, its full name, and the name that it gets."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found = [(name.name, name.asname or name.name.partition(".")[0]) for name in names]
            case ast.ImportFrom(module=str() as module, names=names):
                found = [(f"{module}.{name.name}", name.asname or name.name) for name in names]
            case _:
                continue
        yield from ((node, full, name) for full, name in found if full.partition(".")[0] in LIBRARIES)


def root(node: ast.expr) -> str | None:
    """Return the name that a chain of attributes begins with."""
    while isinstance(node, ast.Attribute):
        node = node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super":
        return "self"  # what a class of ours has inherited, which its tests hold to what it was
    return node.id if isinstance(node, ast.Name) else None


def trespasses(source: str) -> list[str]:
    """Return what of a module's source is not meant to be used."""
    tree = ast.parse(source)
    imported = list(imports(tree))
    if not imported:  # there are no objects of theirs: import-linter keeps the libraries out of all but a few modules
        return []
    names = {name for _, _, name in imported}
    found = [ast.unparse(node) for node, full, _ in imported if is_private(full)]
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=value, attr=attr) if is_private(attr) and root(value) not in OWN:
                found.append(ast.unparse(node))
            case ast.Attribute(value=value, ctx=ast.Store() | ast.Del()) if root(value) in names:
                found.append(ast.unparse(node))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args) if name in BY_TEXT:
                texts = [arg.value for arg in args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
                patches = name in {"setattr", "delattr"} and root(args[0]) in names
                found += [ast.unparse(node)] if patches or any(map(is_private, texts)) else []
            case _:
                pass
    return found


@pytest.mark.parametrize("module", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_what_is_offered_is_used(module: Path) -> None:
    source = module.read_text(encoding="utf-8")

    assert trespasses(source) == []
    assert "SLF001" not in source


@pytest.mark.parametrize(
    "trespass",
    [
        "client._endpoint",
        "connection.client._endpoint.http_session",
        "client.meta._client_config",
        "getattr(client, '_endpoint')",
        "hasattr(client.meta, '_client_config')",
        "operator.attrgetter('meta._client_config')",
        "session.AioSession.create_client = own",
        "del session.get_session",
        "setattr(session, 'get_session', own)",
    ],
)
def test_a_trespass_is_found(trespass: str) -> None:
    assert trespasses(f"from aiobotocore import session\n{trespass}") != []


@pytest.mark.parametrize(
    "line", ["from aiobotocore._helpers import x", "from botocore.utils import _x", "import aiohttp._x"]
)
def test_a_private_import_is_found(line: str) -> None:
    assert trespasses(line) == [line]


def test_what_is_offered_may_be_used() -> None:
    use = "self._session = session.get_session()\nself._session.create_client('glue').__aenter__"

    assert trespasses(f"from aiobotocore import session\n{use}") == []
