"""EMR Serverless: job runs of applications."""

from jobruns_sdk.services.emr_serverless.listing import ApplicationListing
from jobruns_sdk.services.emr_serverless.service import EmrServerlessApplication

__all__ = ["ApplicationListing", "EmrServerlessApplication"]
