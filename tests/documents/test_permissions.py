"""The page on permissions allows what the package calls, and nothing else."""

import asyncio
import re

from docs.permissions import CHANGES, JOBS, actions, observed, policy
from jobruns_sdk.services.registry import ENTRIES


def test_policies_allow_all_that_is_called_and_nothing_else() -> None:
    for service in JOBS:
        named = sorted(name for changing in (False, True) for name in actions(changing=changing)[service])
        assert named == sorted(f"{service}:{operation.name}" for operation in ENTRIES[service].each_operation())
    for changing in (False, True):
        allowed = set(re.findall(r'"([a-z0-9-]+:[A-Z]\w+)"', policy(changing=changing)))
        expected = {name for names in actions(changing=changing).values() for name in names}
        assert allowed - {"iam:PassRole", "iam:PassedToService"} == expected
        assert ("iam:PassRole" in allowed) is changing


def test_the_table_of_permissions_knows_each_action() -> None:
    found = asyncio.run(observed())
    shown = {name for services in found.values() for names in services.values() for name in names}
    known = {name for changing in (False, True) for names in actions(changing=changing).values() for name in names}
    assert shown == known
    reads = {
        name for call, services in found.items() if "start" not in call for names in services.values() for name in names
    }
    assert {name.partition(":")[2] for name in reads if name.partition(":")[2].startswith(CHANGES)} == {
        "BatchStopJobRun",
        "CancelJobRun",
        "ResetJobBookmark",
    }
