"""Gives pictures twins for dark pages, lets tables wrap well, and the search find words where they are explained."""

import re
from pathlib import PurePosixPath
from typing import Final

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

EXPLAINED: Final = {
    "account": "how-to/regions-and-accounts",
    "active_after": "concepts/filters#windows-by-end",
    "aiobotocore": "how-to/migrate-from-boto3",
    "airflow": "how-to/airflow",
    "alert": "how-to/watch-a-fleet",
    "attempts": "concepts/runs-and-attempts",
    "backfill": "how-to/limit-concurrency",
    "backoff": "how-to/errors-and-retries#what-is-retried",
    "boto3": "how-to/migrate-from-boto3",
    "chart": "how-to/draw-runs",
    "command line": "how-to/at-the-terminal",
    "completion": "how-to/at-the-terminal#completion",
    "concurrency": "how-to/limit-concurrency",
    "container": "how-to/containers-and-lambda#containers",
    "cost": "how-to/what-it-cost",
    "cron": "scripts-and-notebooks#a-nightly-job-with-an-exit-code",
    "csv": "data-frames#csv-parquet-excel",
    "dagster": "how-to/dagster",
    "dashboard": "how-to/regions-and-accounts#a-dashboard",
    "discover": "many-jobs",
    "django": "how-to/event-loops",
    "docker": "how-to/containers-and-lambda#containers",
    "duckdb": "data-frames",
    "duration": "data-frames#durations-usage-and-attempts-of-many-runs",
    "ended_after": "how-to/filter-and-resume#what-failed-since-yesterday",
    "eventbridge": "how-to/events",
    "excel": "data-frames#csv-parquet-excel",
    "exit code": "scripts-and-notebooks#a-nightly-job-with-an-exit-code",
    "fastapi": "how-to/containers-and-lambda#a-web-service",
    "flask": "how-to/event-loops",
    "gantt": "how-to/draw-runs",
    "history": "how-to/keep-a-history",
    "iam": "how-to/permissions",
    "idempotency": "starting-and-waiting#start-once",
    "jupyter": "scripts-and-notebooks#in-a-notebook",
    "kubernetes": "how-to/containers-and-lambda#containers",
    "lambda": "how-to/containers-and-lambda#aws-lambda",
    "logging": "how-to/observe#logs",
    "metrics": "how-to/observe#traces-and-metrics",
    "mypy": "how-to/keep-types-strict",
    "notebook": "scripts-and-notebooks#in-a-notebook",
    "observer": "how-to/observe#a-custom-observer",
    "opentelemetry": "how-to/observe#traces-and-metrics",
    "pandas": "data-frames",
    "parallel": "how-to/limit-concurrency",
    "parquet": "data-frames#csv-parquet-excel",
    "permissions": "how-to/permissions",
    "polars": "data-frames",
    "plot": "how-to/draw-runs#with-a-plotting-library",
    "policy": "how-to/permissions",
    "prefect": "how-to/prefect",
    "price": "how-to/what-it-cost#where-prices-come-from",
    "profile": "how-to/regions-and-accounts",
    "progress": "how-to/wait-for-many#show-progress",
    "pydantic": "how-to/event-loops#pydantic-models",
    "quota": "concepts/quotas",
    "rate limit": "concepts/quotas",
    "region": "how-to/regions-and-accounts",
    "report": "how-to/draw-runs#a-report",
    "retention": "how-to/keep-a-history",
    "retries": "how-to/errors-and-retries#what-is-retried",
    "retry": "how-to/errors-and-retries#what-is-retried",
    "script": "scripts-and-notebooks#in-a-script",
    "semaphore": "how-to/limit-concurrency#at-most-n-runs-at-once",
    "sensor": "how-to/airflow",
    "sqs": "how-to/events#rule-and-queue",
    "sqlite": "how-to/keep-a-history",
    "state machine": "how-to/step-functions-and-lambda#a-state-machine-that-polls",
    "step functions": "how-to/step-functions-and-lambda",
    "tab-separated": "how-to/at-the-terminal#for-programs",
    "telemetry": "how-to/observe#traces-and-metrics",
    "terminal": "how-to/at-the-terminal",
    "throttling": "concepts/quotas",
    "timeline": "how-to/draw-runs",
    "timeout": "starting-and-waiting#wait",
    "token": "how-to/limit-concurrency#what-a-key-guarantees-tomorrow",
    "tracing": "how-to/observe#traces-and-metrics",
    "usage": "data-frames#durations-usage-and-attempts-of-many-runs",
    "yesterday": "how-to/filter-and-resume#what-failed-since-yesterday",
}
"""The words that readers look for, and the page or the section that explains them."""

_KEPT: Final = re.compile(r"(?<=<=) (?=\d)|(?<=\d) (?=(?:ms|us|s|MB|%)(?!\w))")
"""A space in a figure, at which no line may end."""

_BREAKS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""A place in a long name at which a line may end."""

_BREAKS_OF_CODE: Final = re.compile(r"(?<=[._/])(?=\w)|(?<=[a-z])(?=[A-Z])")
_LONG: Final = 16  # letters
_BEFORE_COLLECTING: Final = 400  # Sphinx collects the pictures of a page at the priority of 500


def setup(app: Sphinx) -> ExtensionMetadata:
    """Take part in the build."""
    app.connect("doctree-read", _add_dark_pictures, priority=_BEFORE_COLLECTING)
    app.connect("doctree-read", _add_words)
    app.connect("doctree-read", _wrap_tables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _add_dark_pictures(_: Sphinx, tree: nodes.document) -> None:
    for image in list(tree.findall(nodes.image)):
        path = PurePosixPath(image["uri"])
        if path.parent.name == "_made":
            twin = image.deepcopy()
            twin["uri"] = str(path.with_stem(f"{path.stem}-dark"))
            image["classes"].append("only-light")
            twin["classes"].append("only-dark")
            image.parent["classes"].append("picture")
            image.parent.insert(image.parent.index(image) + 1, twin)


def _add_words(app: Sphinx, tree: nodes.document) -> None:
    """Name the words as main entries of the index, which the search ranks above everything else."""
    page = app.env.current_document.docname
    for number, section in enumerate(list(tree.findall(nodes.section))):
        name = section["ids"][0]
        places = {page, f"{page}#{name}"} if number == 0 else {f"{page}#{name}"}
        entries = [("single", word, name, "main", None) for word, place in EXPLAINED.items() if place in places]
        if entries:
            section.insert(0, addnodes.index(entries=entries))


def _wrap_tables(_: Sphinx, tree: nodes.document) -> None:
    """Keep figures together, and let long names break between their words; what is copied stays as it is."""
    for entry in list(tree.findall(nodes.entry)):
        for text in list(entry.findall(nodes.Text)):
            if isinstance(text.parent, nodes.literal):
                text.parent.replace(text, _joined(_BREAKS_OF_CODE.split(text.astext())))
            else:
                kept = _KEPT.sub("\u00a0", text.astext())
                parts = [node for word in re.split(r"(\w+)", kept) for node in _breaking(word)]
                text.parent.replace(text, parts)


def _breaking(word: str) -> list[nodes.Node]:
    """Return a word as nodes, with places to break between them."""
    return _joined(_BREAKS.split(word) if len(word) > _LONG else [word])


def _joined(pieces: list[str]) -> list[nodes.Node]:
    first, *more = pieces
    breaks = ((nodes.raw("", "<wbr>", format="html"), nodes.Text(piece)) for piece in more)
    return [nodes.Text(first), *(node for pair in breaks for node in pair)]
