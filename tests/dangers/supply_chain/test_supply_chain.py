"""What comes along with the package is known, permissive, used, declared and bounded."""

import json
import re
import subprocess
from email.message import Message
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.dangers.supply_chain import audit
from tests.dangers.supply_chain.audit import verdict
from tests.dangers.supply_chain.dependencies import (
    CONSTRAINTS,
    DIRECT,
    PROJECT,
    ROOT,
    Dependency,
    closure,
    licence_of,
    locked,
)

CI: Final = (ROOT / ".ci" / "run").read_text("utf-8")
AIRFLOW: Final = [ROOT / ".ci" / f"airflow-{line}.txt" for line in (2, 3)]
NIGHTLY: Final = (ROOT / ".ci" / "nightly").read_text("utf-8")


def test_only_permissive_licences_come_along() -> None:
    assert [one for one in closure() if not one.is_permissive] == []
    assert {requirement.name for requirement in DIRECT} <= {one.name for one in closure()}


@pytest.mark.parametrize(
    ("licence", "permissive"),
    [
        ("MIT", True),
        ("MIT AND Apache-2.0", True),
        ("GPL-3.0-only OR MIT", True),
        ("(MIT OR Apache-2.0)", True),
        ("GPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", False),
        ("MPL-2.0", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_what_is_permissive(licence: str, permissive: bool) -> None:  # noqa: FBT001  # a parameter of the test
    assert Dependency("x", "1", licence, ()).is_permissive is permissive


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ([("License-Expression", "MIT")], "MIT"),
        ([("License", "Apache-2.0")], "Apache-2.0"),
        ([("Classifier", "License :: OSI Approved :: Apache Software License")], "Apache-2.0"),
        ([("License", "Dual License"), ("Classifier", "License :: OSI Approved :: BSD License")], "BSD-3-Clause"),
        ([("License", "GNU GPL")], "GNU GPL"),
        ([], "unknown"),
    ],
)
def test_a_licence_is_read_wherever_it_is_told(fields: list[tuple[str, str]], licence: str) -> None:
    metadata = Message()
    for name, text in fields:
        metadata[name] = text

    assert licence_of(metadata) == licence


def test_every_dependency_has_a_lower_bound_that_is_tested() -> None:
    for requirement in DIRECT:
        assert [one.operator for one in requirement.specifier] == [">="], requirement
    assert 'line.replace(">=", "==")' in CI
    assert "wheel_works_on_lowest_dependencies" in CI
    for extra in ("arrow", "spark"):
        assert all(re.search(r">=\d", line) for line in PROJECT["optional-dependencies"][extra])


@pytest.mark.parametrize(
    "step",
    [
        "deptry jobruns_sdk",
        "python -m tests.dangers.supply_chain.audit",
        'step ".*" newest_of_everything',
        "older_pytests",
    ],
)
def test_the_steps_are_taken(step: str) -> None:
    assert re.search(step, CI)


def test_what_fails_on_the_newest_stops_the_nightly_run_only() -> None:
    assert re.findall(r"^ .*\.ci/newest .*$", CI, re.MULTILINE) == [
        '    .ci/newest || echo ", but not on the newest of everything: see above" >"$scratch/but"'
    ]
    assert re.search(r'^step ".*" \.ci/newest -n 2$', NIGHTLY, re.MULTILINE)


@pytest.mark.parametrize("path", [CONSTRAINTS, *AIRFLOW], ids=lambda path: path.name)
def test_the_constraints_say_when_they_were_made_and_nothing_but_versions(path: Path) -> None:
    first, *lines = path.read_text("utf-8").splitlines()

    assert re.match(r"# Made by \.ci/lock on \d{4}-\d\d-\d\d with Python 3\.11\.\d+:", first)
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!]+", line)] == []
    assert lines == sorted(lines, key=str.upper)
    assert len({line.partition("==")[0] for line in lines}) == len(lines)


def test_the_constraints_hold_a_version_within_the_bounds_of_all_that_is_asked_for() -> None:
    """Also of what needs it in turn, at least of what a user needs to run the package."""
    extras = {name: [*map(Requirement, lines)] for name, lines in PROJECT["optional-dependencies"].items()}
    of_airflow = [*DIRECT, *extras.pop("airflow")]  # in environments of their own
    asked = [*DIRECT, *(one for lines in extras.values() for one in lines if one.name != PROJECT["name"])]
    for path, requirements in ((CONSTRAINTS, asked), *((path, of_airflow) for path in AIRFLOW)):
        versions = locked(path)
        assert {canonicalize_name(one.name) for one in requirements} <= versions.keys()
        assert [one for one in requirements if not one.specifier.contains(versions[canonicalize_name(one.name)])] == []
        assert {one.name for one in closure()} <= versions.keys()


def test_known_vulnerabilities_are_asked_for_of_the_versions_that_are_written_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def ended(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.extend(Path(command[command.index("-r") + 1]).read_text("utf-8").split())
        return subprocess.CompletedProcess(command, 0, json.dumps({"dependencies": []}))

    monkeypatch.setattr(subprocess, "run", ended)
    monkeypatch.setattr(audit, "locked", lambda: {one.name: f"{one.version}.post9" for one in closure()})

    assert audit.report() == {"dependencies": []}
    assert asked == [f"{one.name}=={one.version}.post9" for one in closure()]


def test_pre_releases_and_the_lowest_pyarrow_are_tried_at_night() -> None:
    assert "--pre" in NIGHTLY
    assert "pyarrow==18" in NIGHTLY
    assert "pyarrow>=18" in PROJECT["optional-dependencies"]["arrow"]


def test_what_is_new_beside_aiobotocore_is_what_only_this_package_needs() -> None:
    needed = {one.name: set(one.needed_by) for one in closure()}
    of_peer, left = set[str](), ["aiobotocore"]
    while left:
        of_peer.add(peer := left.pop())
        left += [name for name, by in needed.items() if peer in by and name not in of_peer]
    assert needed.keys() - of_peer == {"cattrs", "msgspec"}


KNOWN: Final[dict[str, Any]] = {"name": "a", "version": "1", "vulns": []}
SKIPPED: Final[dict[str, Any]] = {"name": "b", "skip_reason": "not found"}
FOUND: Final[dict[str, Any]] = {"name": "c", "version": "2", "vulns": [{"id": "PYSEC-1"}, {"id": "PYSEC-2"}]}


@pytest.mark.parametrize(
    ("reported", "status", "said"),
    [
        (None, 0, "skipped: service not reachable"),
        ([SKIPPED], 0, "skipped: service not reachable, it knows none of the packages"),
        ([KNOWN, SKIPPED], 0, "no known vulnerabilities in 1 of 2 packages"),
        ([KNOWN, SKIPPED, FOUND], 1, "c 2: PYSEC-1\nc 2: PYSEC-2"),
    ],
)
def test_a_finding_fails_and_a_service_out_of_reach_does_not(
    reported: list[dict[str, Any]] | None, status: int, said: str
) -> None:
    assert verdict(None if reported is None else {"dependencies": reported}) == (status, said)
