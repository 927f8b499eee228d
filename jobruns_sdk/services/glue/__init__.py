"""AWS Glue: job runs and their retries."""

from jobruns_sdk.services.glue.handle import GlueJob, shared_by_handles
from jobruns_sdk.services.glue.listing import jobs
from jobruns_sdk.services.glue.translate import STATES

__all__ = ["STATES", "GlueJob", "jobs", "shared_by_handles"]
