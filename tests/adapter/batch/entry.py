"""What a client knows of AWS Batch."""

from jobruns_sdk.adapters import Entry
from tests.adapter.batch import native, operations
from tests.adapter.batch.listing import jobs
from tests.adapter.batch.service import BatchQueue
from tests.adapter.batch.translate import STATES, run_from_boto3

ENTRY = Entry(
    handle=BatchQueue,
    names=("a queue's name",),
    states=STATES,
    operations=operations,
    natives=(native,),
    jobs=jobs,
    from_boto3=run_from_boto3,
)
