"""EMR Serverless: job runs of applications."""

from jobruns_sdk.services.emr_serverless.discovery import jobs
from jobruns_sdk.services.emr_serverless.service import EmrServerlessApplication
from jobruns_sdk.services.emr_serverless.translate import STATES

__all__ = ["STATES", "EmrServerlessApplication", "jobs"]
