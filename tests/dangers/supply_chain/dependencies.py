"""What comes along with the package: all that it needs to run, found in the metadata of what is installed."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[3]
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONSTRAINTS: Final = ROOT / "constraints.txt"
DIRECT: Final = [Requirement(line) for line in PROJECT["dependencies"]]

PERMISSIVE: Final = frozenset({"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "PSF-2.0", "Python-2.0"})
"""Licences that ask for no more than to be named, by their SPDX identifiers."""

_SPELT: Final = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "BSD 3-Clause": "BSD-3-Clause",
    "Dual License": "",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}
"""What older metadata say instead of an SPDX identifier."""


@dataclass(frozen=True)
class Dependency:
    name: str
    version: str
    licence: str
    needed_by: tuple[str, ...]

    @property
    def is_permissive(self) -> bool:
        """Whether its licence, or one of those to choose from, is permissive; of several that hold all must be."""
        choices = [choice.strip(" ()").split(" AND ") for choice in self.licence.split(" OR ")]
        return any(all(one.strip(" ()") in PERMISSIVE for one in choice) for choice in choices)


def locked(path: Path = CONSTRAINTS) -> dict[str, str]:
    """Return the versions that are written down, by name."""
    lines = path.read_text("utf-8").splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def closure() -> list[Dependency]:
    """Return what is needed to run, whatever asks for it, by name."""
    needed: dict[str, set[str]] = {}
    left = [(requirement, str(PROJECT["name"])) for requirement in DIRECT]
    while left:
        requirement, by = left.pop()
        name = canonicalize_name(requirement.name)
        known = name in needed
        needed.setdefault(name, set()).add(by)
        if not known:
            left += [(one, name) for one in _requirements(distribution(name), requirement.extras)]
    return [_dependency(name, needed[name]) for name in sorted(needed)]


def _requirements(found: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for line in found.requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            try:
                distribution(requirement.name)
            except PackageNotFoundError:
                if marker is None:
                    raise
            else:
                yield requirement


def _dependency(name: str, needed_by: set[str]) -> Dependency:
    found = distribution(name)
    return Dependency(name, found.version, licence_of(found.metadata), tuple(sorted(needed_by)))


def licence_of(metadata: Any) -> str:  # noqa: ANN401  # a message of email's, which its type does not say
    """Return the licence as an SPDX expression as far as it is told, else what is told."""
    expression = metadata.get("License-Expression")
    if expression:
        return str(expression)
    classified = [
        line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier", []) if line.startswith("License")
    ]
    told = [*classified, str(metadata.get("License") or "").strip()]
    spelt = [_SPELT.get(text, text) for text in told]
    return next((text for text in spelt if text in PERMISSIVE), next((text for text in told if text), "unknown"))
