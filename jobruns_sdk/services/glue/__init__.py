"""AWS Glue: job runs and their retries."""

from jobruns_sdk.services.glue.discovery import jobs
from jobruns_sdk.services.glue.service import GlueJob
from jobruns_sdk.services.glue.starting import Starts
from jobruns_sdk.services.glue.translate import STATES

__all__ = ["STATES", "GlueJob", "Starts", "jobs"]
