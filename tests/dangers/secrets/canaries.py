"""A canary in each place that may hold a secret, and all the texts in which one could sing."""

import traceback
from collections.abc import Iterator
from io import StringIO
from typing import Any, Final

from botocore.loaders import create_loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from rich.console import Console

from jobruns_sdk import HiveQuery, SparkSubmit
from jobruns_sdk.services.emr_serverless import native as emr
from jobruns_sdk.services.emr_serverless.native_application import Configuration

WORD: Final = "nightingale"
"""Every canary holds this word, and nothing else does."""

ARGUMENTS: Final = {"--password": f"{WORD} of glue", "--empty": "", "--short": "abc"}
SPARK: Final = SparkSubmit(f"s3://{WORD}/main.py", [f"--{WORD}", f'{WORD} "quoted" \\ \n ü'], f"--conf p={WORD}")
HIVE: Final = HiveQuery(f"SELECT '{WORD}'", f"s3://{WORD}/init.sql", f"--hiveconf p={WORD}")
OVERRIDES: Final = emr.ConfigurationOverrides(
    applicationConfiguration=(
        Configuration(
            classification="spark-defaults",
            properties={"password": f"{WORD} of properties"},
            configurations=(Configuration(classification="inner", properties={"password": f"{WORD} within"}),),
        ),
    )
)
ACCESS_KEY: Final = f"AKIA{WORD}".upper()
SECRET_KEY: Final = f"{WORD}/secret"
TOKEN: Final = f"{WORD}/token=="
CREDENTIALS: Final = (ACCESS_KEY, SECRET_KEY, TOKEN)

OPERATIONS: Final = {
    "emr-serverless": (
        "CancelJobRun",
        "GetApplication",
        "GetDashboardForJobRun",
        "GetJobRun",
        "ListApplications",
        "ListJobRunAttempts",
        "ListJobRuns",
        "StartJobRun",
    ),
    "datazone": ("GetJobRun", "ListJobRuns"),
    "glue": (
        "BatchStopJobRun",
        "GetJob",
        "GetJobBookmark",
        "GetJobRun",
        "GetJobRuns",
        "ListJobs",
        "ResetJobBookmark",
        "StartJobRun",
    ),
}


def model_of(service: str) -> ServiceModel:
    return ServiceModel(create_loader().load_service_model(service, "service-2"), service)


def sensitive(shape: Shape, path: str = "$", within: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the places in a shape that the model marks as sensitive; a recursive shape is entered once."""
    if shape.metadata.get("sensitive"):
        yield path
    if shape.name in within:
        return
    within |= {shape.name}
    match shape:
        case StructureShape():
            for name, member in shape.members.items():
                yield from sensitive(member, f"{path}.{name}", within)
        case ListShape():
            yield from sensitive(shape.member, f"{path}[]", within)
        case MapShape():
            yield from sensitive(shape.value, f"{path}{{}}", within)
        case _:
            pass


def answer_of(shape: Shape, within: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401  # JSON
    """Return an answer of that shape with a canary in each text that is sensitive, and in each argument of Glue's."""
    inside = within | {shape.name}
    match shape:
        case Shape(name=name) if name in within:
            return None
        case StructureShape():
            members = {
                member.serialization.get("name", name): answer_of(member, inside)
                for name, member in shape.members.items()
                if name != "CodeGenConfigurationNodes"
            }
            return {name: value for name, value in members.items() if value is not None}
        case ListShape():
            item = answer_of(shape.member, inside)
            return [] if item is None else [item]
        case MapShape():
            secret = bool(shape.metadata.get("sensitive")) or shape.name == "GenericMap"
            return {"key": f"{WORD} in {shape.name}" if secret else answer_of(shape.value, inside)}
        case Shape(type_name="string"):
            secret = bool(shape.metadata.get("sensitive")) or shape.name in {"AuthToken", "Url"}
            return f"{WORD} in {shape.name}" if secret else "x"
        case _:
            return {"timestamp": 1_763_700_000, "boolean": True}.get(shape.type_name, 1)


def texts_of(value: object) -> str:
    """Return everything that shows of a value: as Python, rich, notebooks and format show it."""
    console = Console(width=200, record=True, file=StringIO())
    with console.capture() as shown:
        console.print(value)
    html = getattr(value, "_repr_html_", None)
    return "\n".join((repr(value), str(value), f"{value}", f"{[value]!r}", shown.get(), html() if html else ""))


def chain_of(error: BaseException) -> str:
    """Return everything that shows of an error and of those that it came of."""
    texts = [*traceback.format_exception(error)]
    seen: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is not None and one not in seen:
            seen.append(one)
            texts += [repr(one), str(one), repr(one.args), repr(getattr(one, "__notes__", ""))]
            left += [one.__cause__, one.__context__]
    return "\n".join(texts)
