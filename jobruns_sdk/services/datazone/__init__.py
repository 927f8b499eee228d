"""DataZone: the runs of lineage import jobs."""

from jobruns_sdk.services.datazone.service import DataZoneJob

__all__ = ["DataZoneJob"]
