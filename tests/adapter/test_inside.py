"""A fourth service in the package: its folder, one entry in the registry, and the names by which users call it."""

import ast
import asyncio
import os
import re
import shutil
import sys
from difflib import unified_diff
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

import jobruns_sdk
from jobruns_sdk import JobRun, JobRunsClient, adapters
from tests.adapter.test_batch import Batch
from tests.transport.scripted import serving

PACKAGE: Final = Path(jobruns_sdk.__file__).parent
ADAPTER: Final = Path(__file__).parent / "batch"

ENTRY: Final = """    Service.BATCH: Entry(
        handle=batch.BatchQueue,
        names=("a queue's name",),
        states=batch.STATES,
        operations=batch_operations,
        natives=(batch_native,),
        jobs=batch.jobs,
        from_boto3=batch.run_from_boto3,
    ),
"""
SYNC_HANDLE: Final = """class BatchQueue(Handle):
    \"\"\"A queue of AWS Batch, made by ``JobRunsClient.batch``.\"\"\"


"""
METHOD: Final = """    def batch(self, queue: str) -> BatchQueue:
        \"\"\"Return the handle of a queue of AWS Batch; no request is made.\"\"\"
        return cast("BatchQueue", self.handle(JobRef(Service.BATCH, (queue,))))

"""
# File, what stands after the new lines, and the new lines: all that a service needs outside its folder.
ADDED: Final[list[tuple[str, str, str]]] = [
    ("model/refs.py", '    GLUE = "glue"\n', '    BATCH = "batch"\n'),
    ("model/refs.py", '    Service.GLUE: ("a job name",),\n', '    Service.BATCH: ("a queue\'s name",),\n'),
    (
        "services/registry.py",
        "from jobruns_sdk.services import datazone, emr_serverless, glue\n",
        (
            "from jobruns_sdk.services import batch\n"
            "from jobruns_sdk.services.batch import native as batch_native\n"
            "from jobruns_sdk.services.batch import operations as batch_operations\n"
        ),
    ),
    ("services/registry.py", "    Service.GLUE: Entry(\n", ENTRY),
    (
        "client.py",
        "from jobruns_sdk.services.datazone import DataZoneJob\n",
        "from jobruns_sdk.services.batch import BatchQueue\n",
    ),
    ("client.py", "    def glue(self, job_name: str) -> GlueJob:\n", METHOD),
    (
        "__init__.py",
        "    from jobruns_sdk.services.datazone.handle import DataZoneJob as DataZoneJob\n",
        "    from jobruns_sdk.services.batch.service import BatchQueue as BatchQueue\n",
    ),
    (
        "__init__.py",
        '        "services.datazone.handle": ["DataZoneJob"],\n',
        '        "services.batch.service": ["BatchQueue"],\n',
    ),
    ("sync/handles.py", "AnyHandle: TypeAlias", SYNC_HANDLE),
    (
        "sync/handles.py",
        "        case datazone.DataZoneJob():\n",
        "        case batch.BatchQueue():\n            return BatchQueue(bridge, handle)\n",
    ),
    (
        "sync/handles.py",
        "from jobruns_sdk.services import datazone, emr_serverless, glue\n",
        "from jobruns_sdk.services import batch\n",
    ),
    (
        "sync/client.py",
        "    glue: Final = wrapped",
        "    batch: Final = wrapped(client.JobRunsClient.batch, BatchQueue)\n",
    ),
    (
        "sync/client.py",
        "from jobruns_sdk.sync.handles import",
        "from jobruns_sdk.sync.handles import BatchQueue\n",
    ),
    (
        "sync/__init__.py",
        "from jobruns_sdk.sync.handles import",
        "from jobruns_sdk.sync.handles import BatchQueue as BatchQueue\n",
    ),
]
TOUCHED: Final = {
    "__init__.py": 2,
    "client.py": 4,
    "model/refs.py": 2,
    "services/registry.py": 12,
    "sync/__init__.py": 1,
    "sync/client.py": 2,
    "sync/handles.py": 5,
}
"""How many lines, blank ones not counted, each file outside the service's folder gains."""

SMOKE: Final = """
import asyncio, sys
import jobruns_sdk
from jobruns_sdk import JobRunsClient, from_dict, to_dict
from jobruns_sdk.sync import BatchQueue, JobRunsClient as SyncJobRunsClient

options = dict(endpoint_url=sys.argv[1], region_name="eu-west-1", quotas=None)

async def main():
    async with JobRunsClient(**options) as client:
        runs = await client.batch("queue").runs(native_states={"FAILED"}).collect()
        assert all(from_dict(to_dict(run)) == run for run in runs)
        jobs = [str(job.ref) async for job in client.jobs("batch")]
        merged = await client.runs("batch:queue", native_states={"FAILED"}).collect()
        return len(runs), len(merged), len(jobs)

read = asyncio.run(main())
with SyncJobRunsClient(**options) as client:
    assert isinstance(client.handle("batch:queue"), BatchQueue)
    print(jobruns_sdk.__file__, *read, len(client.batch("queue").runs().collect()))
"""


def homes() -> dict[str, str]:
    """Return where each name that an adapter may import has its home, from which a service inside imports it."""
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse((PACKAGE / "adapters.py").read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found.update((alias.name, str(node.module)) for alias in node.names)
    return found


def moved(source: str) -> str:
    """Return a module of the adapter as it stands in the package: the same, but for where its names come from."""
    known = homes()

    def at_home(line: re.Match[str]) -> str:
        names = [name.strip() for name in line["names"].split(",")]
        own = [name for name in names if name in known]
        public = [name for name in names if name not in known]
        lines = [f"from {known[name]} import {name}" for name in own]
        return "\n".join([*lines, *(f"from {home_of(name)} import {name}" for name in public)])

    source = source.replace("tests.adapter.batch", "jobruns_sdk.services.batch")
    return re.sub(r"^from jobruns_sdk(\.adapters)? import (?P<names>.*)$", at_home, source, flags=re.MULTILINE)


def home_of(name: str) -> str:
    return str(getattr(jobruns_sdk, name).__module__)


def package_with_batch(folder: Path) -> Path:
    """Copy the package, and add the service to the copy."""
    copy = folder / "jobruns_sdk"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    own = copy / "services/batch"
    own.mkdir()
    for path in ADAPTER.glob("*.py"):
        if path.name != "entry.py":
            (own / path.name).write_text(moved(path.read_text("utf-8")), "utf-8")
    exports = [("listing", "jobs"), ("service", "BatchQueue"), ("translate", "STATES"), ("translate", "run_from_boto3")]
    lines = (f"from jobruns_sdk.services.batch.{module} import {name} as {name}\n" for module, name in exports)
    (own / "__init__.py").write_text('"""AWS Batch."""\n\n' + "".join(lines), "utf-8")
    for name, anchor, lines_added in ADDED:
        source = (copy / name).read_text("utf-8")
        assert source.count(anchor) == 1, (name, anchor)
        (copy / name).write_text(source.replace(anchor, lines_added + anchor), "utf-8")
    return copy


def gained(copy: Path) -> dict[str, int]:
    """Return how many lines each file outside the service's folder has gained; none has lost any."""
    found: dict[str, int] = {}
    for path in copy.rglob("*.py"):
        name = path.relative_to(copy).as_posix()
        if name.startswith("services/batch/"):
            continue
        before, after = ((place / name).read_text("utf-8").splitlines() for place in (PACKAGE, copy))
        changed = [
            line for line in unified_diff(before, after, n=0) if line[:1] in "+-" and line[:3] not in {"+++", "---"}
        ]
        assert all(line.startswith("+") for line in changed), name
        if written := [line for line in changed if line.strip() != "+"]:
            found[name] = len(written)
    return found


async def test_a_fourth_service_needs_its_folder_an_entry_and_typed_names(tmp_path: Path) -> None:
    copy = package_with_batch(tmp_path)
    assert gained(copy) == TOUCHED

    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    async with serving(Batch()) as server:
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SMOKE, server.url, cwd=tmp_path, env=environment, stdout=-1, stderr=-1
        )
        printed, complained = await program.communicate()
    assert (program.returncode, complained.decode()) == (0, "")
    assert printed.decode().split() == [str(copy / "__init__.py"), "3", "3", "3", "25"]


def test_what_an_adapter_imports_has_a_home_inside() -> None:
    assert set(homes()) == set(adapters.__all__)
    assert (home_of("JobRun"), home_of("JobRunsClient")) == (JobRun.__module__, JobRunsClient.__module__)
    with pytest.raises(AttributeError):
        home_of("Nothing")
    assert import_module(homes()["run_pages"]).run_pages is adapters.run_pages
