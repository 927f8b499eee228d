"""What it costs to read a page of runs: bytes to ``JobRun`` by the services' listings, against botocore's own parser.

    python tests/benchmarks/decode_translate.py [--rounds 201]

Both read the same bytes, in turns in one process, each once a round; the figures are medians of processor time. The
parser makes dicts of the page; the listing makes typed native structures, and of each a ``JobRun``.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser

from jobruns_sdk.model.refs import JobRef, Service
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.paging.query import RunQuery
from jobruns_sdk.paging.source import Listing
from jobruns_sdk.services.emr_serverless import listing as emr_serverless
from jobruns_sdk.services.glue import listing as glue
from jobruns_sdk.transport.operation import Call, Operation, Reply

_SAMPLES = Path(__file__).parents[1] / "truth/samples"
_HOUR = 3600.0

# As in an example of AWS, https://docs.aws.amazon.com/cli/latest/reference/glue/get-job-run.html
_USUAL_ARGUMENTS = {
    "--enable-continuous-cloudwatch-log": "true",
    "--enable-spark-ui": "true",
    "--job-bookmark-option": "job-bookmark-enable",
    "--spark-event-logs-path": "s3://aws-glue-assets-111122223333-us-east-1/sparkHistoryLogs/",
}


@attrs.define(slots=False)
class Page:
    """A page of one service, and the two ways to read it.

    Attributes:
        title: What is read.
        service: The service as botocore names it.
        operation: The operation that answers so.
        rows: The member of the answer that holds the runs.
        body: The answer.
        open: Opens the service's listing over whatever calls the service.
    """

    title: str
    service: str
    operation: str
    rows: str
    body: bytes
    open: Callable[[Call], Listing[Any, Any, JobRun[Any]]]

    def runs(self) -> Sequence[JobRun[Any]]:
        """Read the page as the client does."""
        listing, answer = self._arrived
        batch, _ = listing.read(answer, None)
        return batch.rows

    def parsed(self) -> Mapping[str, Any]:
        """Read the page as every client of botocore does."""
        parse, shape = self._parser
        return parse({"body": self.body, "headers": {}, "status_code": 200}, shape)

    @cached_property
    def _arrived(self) -> tuple[Listing[Any, Any, JobRun[Any]], object]:
        listing = self.open(self._answer)
        return listing, asyncio.run(listing.fetch(None, None))

    async def _answer(self, operation: Operation[Any], params: Mapping[str, object]) -> Reply:
        del params
        assert operation.name == self.operation
        return Reply(self.body)

    @cached_property
    def _parser(self) -> tuple[Callable[..., Mapping[str, Any]], Any]:
        model = ServiceModel(Loader().load_service_model(self.service, "service-2"), self.service)
        return create_parser(model.metadata["protocol"]).parse, model.operation_model(self.operation).output_shape


def emr_serverless_page(count: int) -> Page:
    """Return a page as ListJobRuns answers it."""
    template = json.loads((_SAMPLES / "emr_serverless/ListJobRuns/all_states.json").read_bytes())["jobRuns"][0]
    rows = [
        template
        | {"id": f"00f8suc{number:07}p9", "name": f"nightly-{number}", "state": "SUCCESS"}
        | {name: template[name] - number * _HOUR for name in template if name.endswith("At")}
        for number in range(count)
    ]
    body = json.dumps({"jobRuns": rows, "nextToken": "token"}, separators=(",", ":")).encode()
    application = JobRef(Service.EMR_SERVERLESS, (template["applicationId"],), "eu-west-1")
    return Page(
        f"EMR Serverless, {count} runs",
        "emr-serverless",
        "ListJobRuns",
        "jobRuns",
        body,
        lambda call: emr_serverless.RunListing(application, call, RunQuery(), states=None, page_size=count),
    )


def glue_page(count: int) -> Page:
    """Return a page as GetJobRuns answers it, arguments included."""
    template = json.loads((_SAMPLES / "glue/GetJobRuns/retried_until_it_succeeded.json").read_bytes())["JobRuns"][2]
    template["Arguments"] |= _USUAL_ARGUMENTS
    rows = [
        template
        | {"Id": f"jr_{sha256(str(number).encode()).hexdigest()}"}
        | {name: template[name] - number * _HOUR for name in template if name.endswith("On")}
        for number in range(count)
    ]
    body = json.dumps({"JobRuns": rows, "NextToken": "token"}, separators=(",", ":")).encode()
    job = JobRef(Service.GLUE, (template["JobName"],), "eu-west-1")
    return Page(
        f"Glue, {count} runs with arguments",
        "glue",
        "GetJobRuns",
        "JobRuns",
        body,
        lambda call: glue.RunListing(job, call, RunQuery(), page_size=count, cut=()),
    )


def seconds(read: Callable[[], object]) -> float:
    """Return how much of a processor's time it takes, whoever else is at work on the machine."""
    began = time.process_time()
    read()
    return time.process_time() - began


def compare(page: Page, rounds: int) -> str:
    """Return a line that says what either way costs, and their ratio."""
    assert len(page.runs()) == len(page.parsed()[page.rows])
    times = [(seconds(page.runs), seconds(page.parsed)) for _ in range(rounds)]
    here, botocore = (statistics.median(column) for column in zip(*times, strict=True))
    figures = f"{here * 1e3:.3f} ms here, {botocore * 1e3:.2f} ms by botocore's parser: 1/{botocore / here:.1f}"
    return f"{page.title} ({len(page.body) / 1000:.0f} kB): {figures}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=201)
    rounds = parser.parse_args(arguments).rounds
    for page in (emr_serverless_page(50), glue_page(200)):
        print(compare(page, rounds))  # noqa: T201  # a benchmark prints


if __name__ == "__main__":
    main()
