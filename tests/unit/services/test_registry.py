"""A service is named in its entry, its folder and the typed names of the public surface, and nowhere else."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import jobruns_sdk
from jobruns_sdk import JobRef, Service, adapters
from jobruns_sdk.model import refs
from jobruns_sdk.services.registry import ENTRIES, OPERATIONS, QUOTAS

PACKAGE: Final = Path(jobruns_sdk.__file__).parent
FOLDERS: Final = {service.replace("-", "_"): service for service in Service}
MEMBERS: Final = {service.name for service in Service}
# What is billed and what EventBridge sends, which differ by service and are read without a client; what users type on a
# command line; and the typed names that they read: for each service a method of the client, and its twin without an
# event loop.
TYPED: Final = {
    "airflow/connections.py",  # the services that a connection of Airflow has endpoints for
    "airflow/drivers.py",
    "airflow/links.py",
    "airflow/operators.py",  # one for each service that starts runs
    "costs/metering.py",
    "events/decoding.py",
    "events/native.py",
    "events/pattern.py",
    "__init__.py",
    "cli/commands/url.py",  # the address of a run in the console of Glue
    "cli/words.py",
    "model/refs.py",
    "client.py",
    "sync/__init__.py",
    "sync/client.py",
    "sync/handles.py",
}
CLIENT_METHODS: Final = set(FOLDERS)


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Yield the modules that may name no service; the local service, which plays the services, is no part of it."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        own = any(name.startswith(f"services/{folder}/") for folder in FOLDERS)
        if not own and name != "services/registry.py" and not name.startswith("testing/"):
            yield name, ast.parse(path.read_text("utf-8"))


def named_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str() as text) if text in tuple(Service):
                yield f"{node.lineno}: {text!r}"
            case ast.Attribute(attr=name) if name in MEMBERS:
                yield f"{node.lineno}: Service.{name}"
            case ast.ImportFrom(module=str() as module):
                for alias in node.names:
                    full = f"{module}.{alias.name}".split(".")
                    if full[:2] == ["jobruns_sdk", "services"] and full[2] in FOLDERS:
                        yield f"{node.lineno}: {module}"
            case ast.Import(names=modules):
                for alias in modules:
                    if alias.name.split(".")[2:3] and alias.name.split(".")[2] in FOLDERS:
                        yield f"{node.lineno}: {alias.name}"
            case _:
                pass


def test_a_service_is_named_nowhere_else() -> None:
    found = {name: list(named_in(tree)) for name, tree in sources() if name not in TYPED}
    assert {name: named for name, named in found.items() if named} == {}


def test_the_client_names_a_service_in_its_method_and_in_no_other() -> None:
    tree = next(tree for name, tree in sources() if name == "client.py")
    typed = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in CLIENT_METHODS]
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    expected = sorted(name for node in [*typed, *imports] for name in named_in(node))

    assert {node.name for node in typed} == CLIENT_METHODS
    assert sorted(named_in(tree)) == expected


@pytest.mark.parametrize(
    "source",
    [
        "from jobruns_sdk.services import glue",
        "from jobruns_sdk.services.glue import native",
        "import jobruns_sdk.services.glue",
        "if service == Service.GLUE: pass",
        "READS = {'emr-serverless': ()}",
    ],
)
def test_the_scan_finds_a_name(source: str) -> None:
    assert list(named_in(ast.parse(source)))


def test_each_service_has_an_entry_and_the_names_that_references_need() -> None:
    assert {service: entry.names for service, entry in ENTRIES.items()} == vars(refs)["_PATHS"]
    assert set(ENTRIES) == set(Service)


def test_entries_agree_with_their_operations() -> None:
    for service, entry in ENTRIES.items():
        called = {operation.name for operation in entry.each_operation()}
        assert {operation.service for operation in entry.each_operation()} == {service}
        assert called
        assert set(entry.read_names) <= called
        assert set(entry.quotas) <= called
        assert entry.states
        assert entry.codes
        assert list(entry.each_native())
    assert {service for service, _ in OPERATIONS} == set(Service)
    assert set(QUOTAS) <= OPERATIONS


def inside_names(module: Path) -> Iterator[tuple[str, Any]]:
    """Yield what a module of DataZone's folder imports from the package, its own folder left out."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not str(node.module).startswith("jobruns_sdk"):
            continue
        if str(node.module).startswith("jobruns_sdk.services.datazone"):
            continue
        for alias in node.names:
            if (node.module, alias.name) != ("jobruns_sdk.services", "datazone"):
                home = __import__(str(node.module), fromlist=[alias.name])
                yield alias.name, getattr(home, alias.name, None)


DATAZONE: Final = sorted((PACKAGE / "services/datazone").glob("*.py"))


@pytest.mark.parametrize("module", DATAZONE, ids=lambda module: module.stem)
def test_a_service_inside_needs_nothing_that_an_adapter_cannot_have(module: Path) -> None:
    for name, value in inside_names(module):
        if name == "native":
            continue
        offered = [getattr(place, name) for place in (adapters, jobruns_sdk) if name in place.__all__]
        assert any(value is one for one in offered), f"{module.name} imports {name}, which adapters does not offer"


def test_an_adapters_reference_may_have_any_number_of_names() -> None:
    assert JobRef("batch", ("a", "b")).path == ("a", "b")
