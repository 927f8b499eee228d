"""The operations of AWS Batch that are used here, and its error codes."""

from jobruns_sdk import InvalidRequestError, ServiceUnavailableError
from jobruns_sdk.adapters import Operation
from tests.adapter.batch import native

CODES = {"ClientException": InvalidRequestError, "ServerException": ServiceUnavailableError}
LIST_JOBS = Operation("batch", "ListJobs", native.LIST_JOBS, CODES)
DESCRIBE_JOBS = Operation("batch", "DescribeJobs", native.DESCRIBE_JOBS, CODES)
DESCRIBE_JOB_QUEUES = Operation("batch", "DescribeJobQueues", native.DESCRIBE_JOB_QUEUES, CODES)
