"""What importing costs, in processor time: aiobotocore, and then this package on top of it.

python -m tests.benchmarks.importing
"""

import json
import sys
import time
from importlib import import_module


def _seconds(module: str, name: str) -> float:
    began = time.process_time()
    getattr(import_module(module), name)
    return time.process_time() - began


def _measure() -> dict[str, float]:
    theirs = _seconds("aiobotocore.session", "get_session")
    ours = _seconds("jobruns_sdk", "JobRunsClient")
    assert not any(name.startswith("jobruns_sdk.testing") for name in sys.modules)
    return {"aiobotocore": theirs, "jobruns_sdk": ours}


if __name__ == "__main__":
    print(json.dumps(_measure()))  # noqa: T201  # tells whoever has started it
