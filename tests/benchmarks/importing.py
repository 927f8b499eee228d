"""What importing a name costs, in processor time.

python -m tests.benchmarks.importing aiobotocore.session get_session no-collector
"""

import gc
import json
import sys
import time
from importlib import import_module


def _seconds(module: str, name: str) -> float:
    began = time.process_time()
    getattr(import_module(module), name)
    seconds = time.process_time() - began
    assert not any(name.startswith("jobruns_sdk.testing") for name in sys.modules)
    return seconds


if __name__ == "__main__":
    if sys.argv[3] == "no-collector":
        gc.disable()
    print(json.dumps(_seconds(*sys.argv[1:3])))  # noqa: T201  # tells whoever has started it
