"""AWS Glue: job runs and their retries."""

from jobruns_sdk.services.glue.handle import GlueJob
from jobruns_sdk.services.glue.listing import jobs
from jobruns_sdk.services.glue.start import Starts
from jobruns_sdk.services.glue.translate import STATES

__all__ = ["STATES", "GlueJob", "Starts", "jobs"]
