"""AWS Glue: job runs and their retries."""

from jobruns_sdk.services.glue.listing import JobListing
from jobruns_sdk.services.glue.service import GlueJob
from jobruns_sdk.services.glue.starting import Starts

__all__ = ["GlueJob", "JobListing", "Starts"]
