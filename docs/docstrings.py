"""Lets the reference say of each attribute what its class's docstring says of it, and link every public name."""

import builtins
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from inspect import cleandoc, isclass
from typing import Final, Protocol

from docutils import nodes
from sphinx.addnodes import desc_annotation, pending_xref
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.typing import ExtensionMetadata

import jobruns_sdk
from jobruns_sdk.adapters import Native

_MARKED: Final = (
    (re.compile(r"Annotated\[(.*), SECRET\]"), r"Secret[\1]"),
    (re.compile(r"Annotated\[((?:[^\[\]]|\[[^\[\]]*\])+), msgspec\.Meta\([^)]*\)\]"), r"\1"),
)
"""What msgspec and the package have marked types with, and how that reads."""

_ENTRY: Final = re.compile(r"    (\w+): ")
_BEFORE_NAPOLEON, _AFTER_NAPOLEON = 400, 600
_HANDED_OUT: Final = (
    *("DataZoneJob", "EmrServerlessApplication", "GlueJob", "LocalAccount"),
    *("Listening", "Pages", "ByPage", "Walk", "Watch"),
)
_kept: Final[dict[str, list[str]]] = {}


def setup(app: Sphinx) -> ExtensionMetadata:
    """Take part in the build."""
    app.connect("autodoc-process-docstring", _show_code, priority=_BEFORE_NAPOLEON)
    app.connect("autodoc-process-docstring", _before_napoleon, priority=_BEFORE_NAPOLEON)
    app.connect("autodoc-process-docstring", _after_napoleon, priority=_AFTER_NAPOLEON)
    app.connect("autodoc-process-signature", _hide_signature)
    app.connect("doctree-read", _name_fully)
    app.connect("doctree-read", _shorten_types)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _show_code(_: Sphinx, __: str, ___: str, ____: object, _____: object, lines: list[str]) -> None:
    """Let an indented example be a block of code, where it would be a quotation."""
    shown: list[str] = []
    for index, line in enumerate(lines):
        begins = index > 0 and line.startswith("    ") and not lines[index - 1].strip()
        before = next((text for text in reversed(lines[: index - 1]) if text.strip()), "") if begins else " "
        if before.strip() and not before.startswith(" ") and not before.endswith("::"):
            shown += [".. code-block:: python", ""]
        shown.append(line)
    lines[:] = shown


def _before_napoleon(_: Sphinx, what: str, name: str, value: object, __: object, lines: list[str]) -> None:
    if isclass(value) and what in {"class", "exception"}:
        for kind in value.__mro__:
            _comment_attributes(kind)
        described = {index for indexes in _entries(lines).values() for index in indexes}
        lines[:] = [line for index, line in enumerate(lines) if index not in described and line != "Attributes:"]
    elif what in {"attribute", "data", "property"}:  # napoleon takes a first line with a colon in it for a type
        comment = _comment_on(name.rpartition(".")[2]) if what == "data" else None
        _kept[name] = comment or lines.copy()
        lines.clear()


def _after_napoleon(_: Sphinx, __: str, name: str, ___: object, ____: object, lines: list[str]) -> None:
    lines[:] = _kept.pop(name, lines)


def _comment_attributes(kind: type) -> None:
    """Put the entries under ``Attributes:`` where Sphinx looks for comments on attributes."""
    if kind.__module__.startswith(jobruns_sdk.__name__):
        analyzer = ModuleAnalyzer.for_module(kind.__module__)
        analyzer.analyze()
        lines = cleandoc(kind.__doc__ or "").splitlines()
        for entry, indexes in _entries(lines).items():
            first, *more = (lines[index] for index in indexes)
            analyzer.attr_docs[kind.__qualname__, entry] = [_ENTRY.sub("", first), *map(str.strip, more), ""]


def _comment_on(name: str) -> list[str] | None:
    """Return what is said of a constant where it is defined; a package that loads it later does not know."""
    for module in [module for module in sys.modules if module.startswith(jobruns_sdk.__name__)]:
        analyzer = ModuleAnalyzer.for_module(module)
        analyzer.analyze()
        if ("", name) in analyzer.attr_docs:
            return analyzer.attr_docs["", name]
    return None


def _entries(lines: Sequence[str]) -> Mapping[str, list[int]]:
    """Return where in a docstring each entry under ``Attributes:`` stands."""
    entries: dict[str, list[int]] = {}
    for index, name in _entry_lines(lines):
        entries.setdefault(name, []).append(index)
    return entries


def _entry_lines(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    inside, name = False, ""
    for index, line in enumerate(lines):
        if line and not line.startswith(" "):
            inside, name = line == "Attributes:", ""
        elif inside and line:
            entry = _ENTRY.match(line)
            name = entry[1] if entry else name
            yield index, name


def _hide_signature(
    _: Sphinx, what: str, name: str, value: object, __: object, signature: str, returns: str
) -> tuple[str, str]:
    """Show how a value is made only where that is the reader's business."""
    is_shape = isclass(value) and (issubclass(value, Native) or _is_protocol(value))
    hidden = is_shape or what == "exception" or name.rpartition(".")[2] in _HANDED_OUT
    return ("", "") if hidden else (signature, returns)


def _name_fully(_: Sphinx, tree: nodes.document) -> None:
    """Let a public name that is given without its module, as in ``Raises: NotFoundError``, mean that name and no other.

    A builtin's name is no link: natives have members that are called ``type``.
    """
    for node in list(tree.findall(pending_xref)):
        name = node["reftarget"]
        if node.get("refdomain") == "py" and name in jobruns_sdk.__all__:
            node["reftarget"] = f"jobruns_sdk.{name}"
        elif node.get("refdomain") == "py" and hasattr(builtins, name):
            node.replace_self(node.children)


def _shorten_types(_: Sphinx, tree: nodes.document) -> None:
    for node in (*tree.findall(desc_annotation), *tree.findall(nodes.paragraph)):
        text = node.astext()
        if "Annotated[" in text:
            for marked, short in _MARKED:
                text = marked.sub(short, text)
            node.children = [nodes.Text(text)]


def _is_protocol(value: object) -> bool:
    return Protocol in getattr(value, "__bases__", ()) or Protocol in getattr(value, "__orig_bases__", ())
