"""botocore's models: what a client of a service is made of."""

import gzip
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from aiobotocore.session import AioSession
from botocore.loaders import JSONFileLoader


class QuickFiles(JSONFileLoader):
    """Reads botocore's files in a third of the time: plain dictionaries, which keep their order as well.

    Those of Glue, with the list of all endpoints: 14 ms instead of 43.
    """

    def load_file(self, file_path: str) -> Any:
        """Return what a file holds, None if it is not there."""
        for ending, unpacked in ((".json", bytes), (".json.gz", gzip.decompress)):
            # What is no JSON for msgspec, as NaN in a model of the user's own, may be some for botocore.
            with suppress(OSError, msgspec.DecodeError):
                return msgspec.json.decode(unpacked(Path(file_path + ending).read_bytes()))
        return super().load_file(file_path)


def load_models(session: AioSession, service: str, *, is_own: bool) -> None:
    """Load what a client is made of, which the session keeps: on the event loop it would take 0.1 s and more.

    aiobotocore's ``warm_up_loader_caches`` does the same, and loads paginators, waiters and examples besides.

    Args:
        session: The session.
        service: The service's name as botocore has it.
        is_own: Whether nobody else uses the session: one that was handed in stays as it is.
    """
    loader: Any = session.get_component("data_loader")
    if is_own and type(loader.file_loader) is JSONFileLoader:
        loader.file_loader = QuickFiles()
    for name in ("_retry", "endpoints", "partitions", "sdk-default-configuration"):
        loader.load_data_with_path(name)
    for kind in ("service-2", "endpoint-rule-set-1"):
        loader.load_service_model(service, kind)
