"""How the documentation is built: ``python -m sphinx -W docs site``. Nothing is fetched from the network."""

import logging
import sys
from pathlib import Path
from typing import Final

from sphinx.application import Sphinx

HERE: Final = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # the package that is described is the one beside this folder

import jobruns_sdk  # noqa: E402  # the path comes first
from docs import drawing, filters, night, permissions, places, quotas, timeline  # noqa: E402  # the path comes first

# A package of the theme lets all programs print what is logged at INFO, and pictures are made with clients.
logging.getLogger("jobruns_sdk").setLevel(logging.WARNING)

project = "jobruns_sdk"
author = "The jobruns_sdk authors"
copyright = author  # noqa: A001  # Sphinx's name for it
version = release = jobruns_sdk.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docs.docstrings", "docs.pages"]
exclude_patterns = ["_made/*.md"]  # they are parts of pages
nitpicky = True
nitpick_ignore_regex = [
    # Other packages: without the network there is nothing to link to.
    ("py:.*", r"(asyncio|collections|contextlib|datetime|decimal|enum|os|pathlib|re|types|typing)\..*"),
    ("py:.*", r"(airflow|aiobotocore|attrs|botocore|msgspec|opentelemetry|pa|pyarrow|pyspark)\..*"),
    ("py:.*", r"Airflow\w+|AioSession|BaseOperator|Config|Context|PathLike|PokeReturnValue|TriggerEvent"),
    ("py:(class|obj)", r"(.*\.)?[A-Z](_co)?"),  # type variables
    ("py:class", r"[\de.+]+"),  # the bounds of a number
    # What the parts hand to each other.
    (
        "py:class",
        r"jobruns_sdk\.(arrow\.frames\.Reads|checks\.Rule|loop\.lifetime\.Lifetime|paging\.cursor\.Cursor|paging\.plan\.Plan|paging\.standing\.Spot|testing\.world\.jobs\.Job)",
    ),
    ("py:class", r"jobruns_sdk\.(arrow\.frames\.Columns|spark\.(source|streaming)\.\w+Reader)|SyncJobRunsClient"),
    ("py:class", r"jobruns_sdk\.(history\.syncing\.TellsChanges|services\.logs\.AttemptLogs)"),
    ("py:class", r"LaneOf|Names"),  # of pictures: what their arguments are is said there
]
linkcheck_ignore = [r"http://127\.0\.0\.1"]

default_role = "code"  # a single backtick in a docstring
smartquotes_action = "D"  # dashes, and no quotes, which nobody could copy
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "undoc-members": True, "member-order": "bysource"}
autodoc_mock_imports = ["airflow", "asgiref", "pyarrow", "pyspark"]  # large, and not needed to describe what uses them
maximum_signature_line_length = 88
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = False


def setup(app: Sphinx) -> None:
    """Let the pictures and tables be made of the code before the pages are read."""
    app.connect("builder-inited", _make)


def _make(_: Sphinx) -> None:
    drawing.draw_all(HERE / "_made")
    quotas.write(HERE / "_made")
    permissions.write(HERE / "_made")
    timeline.write(HERE / "_made")
    places.write(HERE / "_made")
    filters.write(HERE / "_made")
    night.write(HERE / "_made")
