"""The operations of DataZone that are used here."""

from typing import Final

from jobruns_sdk.services.datazone import native
from jobruns_sdk.services.datazone.errors import CODES
from jobruns_sdk.transport.operation import Operation

LIST_JOB_RUNS: Final = Operation("datazone", "ListJobRuns", native.LIST_JOB_RUNS, CODES)
GET_JOB_RUN: Final = Operation("datazone", "GetJobRun", native.GET_JOB_RUN, CODES)
