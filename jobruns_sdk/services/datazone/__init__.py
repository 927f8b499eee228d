"""DataZone: the runs of lineage import jobs."""

from jobruns_sdk.services.datazone.handle import DataZoneJob
from jobruns_sdk.services.datazone.translate import STATES

__all__ = ["STATES", "DataZoneJob"]
