"""botocore's models: what a client of a service is made of."""

import asyncio
import gzip
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from aiobotocore.session import AioSession
from botocore.loaders import JSONFileLoader, Loader


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


class Models:
    """The models that the sessions of one client have loaded: twenty profiles read each file once."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._loaded: dict[object, dict[object, object]] = {}
        self._turn = asyncio.Lock()

    async def load(self, session: AioSession, service: str, *, is_own: bool) -> None:
        """Load what a client is made of, which the session keeps: on the event loop it would take 0.1 s and more.

        Args:
            session: The session.
            service: The service's name as botocore has it.
            is_own: Whether nobody else uses the session: one that was handed in stays as it is.
        """
        loader: Any = session.get_component("data_loader")
        if is_own and type(loader.file_loader) is JSONFileLoader:
            loader.file_loader = QuickFiles()
        cache: dict[object, object] = getattr(loader, "_cache", {})  # by a method's name and its arguments
        # botocore's own loaders find the same in the same folders; what a session had before may have been changed.
        same = (type(loader.file_loader), *loader.search_paths) if type(loader) is Loader else id(loader)
        async with self._turn:
            loaded, before = self._loaded.setdefault(same, {}), set(cache)
            cache.update({asked: found for asked, found in loaded.items() if asked not in before})
            await asyncio.to_thread(_load, loader, service)
            loaded.update({asked: found for asked, found in cache.items() if asked not in before})


def _load(loader: Any, service: str) -> None:
    """Do as aiobotocore's ``warm_up_loader_caches``, which loads paginators, waiters and examples besides."""
    for name in ("_retry", "endpoints", "partitions", "sdk-default-configuration"):
        loader.load_data_with_path(name)
    for kind in ("service-2", "endpoint-rule-set-1"):
        loader.load_service_model(service, kind)
