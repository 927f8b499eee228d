"""AWS Glue: job runs and their retries."""

from jobruns_sdk.services.glue.listing import JobListing
from jobruns_sdk.services.glue.service import GlueJob

__all__ = ["GlueJob", "JobListing"]
