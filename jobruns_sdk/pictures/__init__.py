"""Pictures of runs: a timeline, durations, and a report in one file; of values, with nothing that is fetched.

All are made of runs and attempts that have been read: nothing here does I/O but ``Picture.save``.
"""

from jobruns_sdk.pictures.bars import Bar
from jobruns_sdk.pictures.page import report
from jobruns_sdk.pictures.picture import Picture
from jobruns_sdk.pictures.scatter import durations
from jobruns_sdk.pictures.timelines import timeline

__all__ = ["Bar", "Picture", "durations", "report", "timeline"]
