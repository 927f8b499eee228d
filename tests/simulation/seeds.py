"""Seeds of worlds: those of the short form, and those that once failed, each with what was wrong."""

from typing import Final

SHORT: Final = (*(seed for seed in range(24) if seed not in {4, 10}), 10_001, 10_005, 10_021, 10_057, 10_006)
"""Those that are played with all tests: the first but for two slow ones, four that keep what they read, one of mist."""

FAILED: Final[dict[int, str]] = {
    79: "a watch of a run and of its job told twice of a run that had ended before the job was read",
    111: "the same",
    137: "a run that ended between the begin of a watch and its first list, half a second later, was never told",
    650: "the same",
    21: "that a token had expired was taken for the answer to GetJob of the next five minutes, and a wait ended late",
    32: "a run whose tags were changed just before a watch began, long after its end, was told of",
    10327: "a run that was listed far from its place, and had ended before the watch began, was told of as a new one",
    10164: "a run was told as seen when all lists of its job were read, half a minute after one had shown it",
    710: "a run whose attempt failed between the look at it and the stop was not stopped, and its retry ran on",
    176: "the judge took an hour in which a run that is to be stopped may go unseen for a task left behind",
    286: "the judge did not know that a clock which was set tells of what was before in its new time",
    10923: "the judge took a moment from before a watch for what a clock that was set in it has told",
    11258: "a list that was asked for before half of the settling time, and came after it, was taken for proof",
    10086: "a watch took a run back to a state from before the row by which it had joined: that list was stale",
    10358: "a stale list of DataZone, which tells no time of a change, took a run back to a state that it had left",
    20167: "the judge did not know that a run is told as failed until its next attempt, which lags, is listed",
    20340: "the judge wanted a retry to be stopped when the client had been killed that watched for it",
    20344: "the judge let rows come again, as it may be, and not out of the order of what they stand before",
    20616: "the judge gave a stop at the end of a wait two minutes, though its request was throttled",
    20948: "the judge wanted a cursor to know a run out of its place when 24 active ones had been handed out since",
    37006: "a watch joined a run twice whose first attempt had left the history: by its retry it was created later",
    40452: "the judge took pages for needless that a walk read behind a row that was 50 minutes out of its place",
    40990: "a watch that went on after a cancellation took a row of its first look for the poll that was due",
    50372: "the judge asked for a pace that cannot be found where a twentieth of the published quota is granted",
    50490: "the judge did not know that several outages hide an end when each poll between them fails",
    50588: "a walk of what goes on met a run again that was created amid it, and stood in the list of all states",
    50942: "the judge asked for news of a watch that was cancelled, again and again, before a poll was done",
    60648: "a watch gave up a job whose page tokens expired twice, before the quota let its first walk go on",
    70162: "rows of a list were told two minutes old, since the poll then waited for gets of a run that is gone",
    70874: "a cursor behind a row out of its place passed over runs that had stood before it, and ended since",
    863: "the judge took an answer that came to nobody for one of the next leg of a walk",
}
"""Seeds that once failed, and the fault of the package or the judge that they showed, in the worlds of their time."""

LEFT_IN: Final[dict[int, dict[str, frozenset[int]]]] = {
    137: {"programs": frozenset({4})},
    650: {"programs": frozenset({3})},
    20167: {"programs": frozenset({1}), "runs": frozenset({17})},
}
"""What is left in of those that take seconds, and shows the fault all the same."""
