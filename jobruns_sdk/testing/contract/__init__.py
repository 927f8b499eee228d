"""The suite that each service of this package passes, for an adapter's author to run on his own adapter.

    from jobruns_sdk.testing.contract import Case, Contract

    class TestBatch(Contract):
        case = Case(job="batch:queue", adapters={"batch": ENTRY}, serve=fake_batch, states=STATES, largest_page=100)

pytest collects the tests of ``TestBatch``; each makes its own service and client, and runs its own event loop.
"""

from jobruns_sdk.testing.contract.bench import Case, Service
from jobruns_sdk.testing.contract.leaving import LeavingContract
from jobruns_sdk.testing.contract.reading import ReadingContract
from jobruns_sdk.testing.contract.resuming import ResumingContract
from jobruns_sdk.testing.contract.sharing import SharingContract

__all__ = ["Case", "Contract", "Service"]


class Contract(ReadingContract, ResumingContract, LeavingContract, SharingContract):
    """All tests of the suite; a class that derives from it says the ``case``.

    Attributes:
        case: The service that is tested.
    """
