"""DataZone: the runs of lineage import jobs."""
