"""The operations of CloudWatch Logs and S3 by which logs are read, and their quotas."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from jobruns_sdk.errors import JobRunsError, NotFoundError
from jobruns_sdk.logs import native
from jobruns_sdk.transport.operation import Operation
from jobruns_sdk.transport.quotas import Quota

_OF_S3: Final[Mapping[str, type[JobRunsError]]] = MappingProxyType(
    {"NoSuchBucket": NotFoundError, "NoSuchKey": NotFoundError}
)
_COMMON: Final[Mapping[str, type[JobRunsError]]] = MappingProxyType({})

DESCRIBE_LOG_STREAMS: Final = Operation("logs", "DescribeLogStreams", native.DESCRIBE_LOG_STREAMS, _COMMON)
GET_LOG_EVENTS: Final = Operation("logs", "GetLogEvents", native.GET_LOG_EVENTS, _COMMON)
LIST_OBJECTS: Final = Operation("s3", "ListObjectsV2", native.NO_JSON, _OF_S3)
GET_OBJECT: Final = Operation("s3", "GetObject", native.NO_JSON, _OF_S3, conditional=True)

OPERATIONS: Final = (DESCRIBE_LOG_STREAMS, GET_LOG_EVENTS, LIST_OBJECTS, GET_OBJECT)

QUOTAS: Final[Mapping[tuple[str, str], Quota]] = MappingProxyType(
    {
        ("logs", "DescribeLogStreams"): Quota(rate=5, burst=5),
        ("logs", "GetLogEvents"): Quota(rate=10, burst=10),
        ("s3", "GetObject"): Quota(rate=100, burst=100),
        ("s3", "ListObjectsV2"): Quota(rate=100, burst=100),
    }
)
"""The rates at which these are called at first. That of DescribeLogStreams is published; that of GetLogEvents
differs between regions, and is assumed at the lowest; S3 counts by prefix of keys, far above what is needed here.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
"""
