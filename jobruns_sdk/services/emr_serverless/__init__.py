"""EMR Serverless: job runs of applications."""

from jobruns_sdk.services.emr_serverless.handle import EmrServerlessApplication, shared_by_handles
from jobruns_sdk.services.emr_serverless.listing import jobs
from jobruns_sdk.services.emr_serverless.translate import STATES

__all__ = ["STATES", "EmrServerlessApplication", "jobs", "shared_by_handles"]
