"""botocore's models: what a client of a service is made of."""

import asyncio
import gzip
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from aiobotocore.session import AioSession
from botocore.loaders import JSONFileLoader


class QuickFiles(JSONFileLoader):
    """Reads botocore's files in a third of the time: plain dictionaries, which keep their order as well.

    Those of Glue, with the list of all endpoints: 14 ms instead of 43, and what was read before is not read again.
    """

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._read: dict[str, bytes] = {}

    def load_file(self, file_path: str) -> Any:
        """Return what a file holds, None if it is not there."""
        for ending, unpacked in ((".json", bytes), (".json.gz", gzip.decompress)):
            # What is no JSON for msgspec, as NaN in a model of the user's own, may be some for botocore.
            with suppress(OSError, msgspec.DecodeError):
                text = self._read.get(file_path) or unpacked(Path(file_path + ending).read_bytes())
                found = msgspec.json.decode(text)  # for each who asks: what one changes nobody else sees
                self._read[file_path] = text
                return found
        return super().load_file(file_path)


class Models:
    """The models that the sessions of one client are made of: twenty profiles read each file once."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._files = QuickFiles()
        self._turn = asyncio.Lock()

    async def load(self, session: AioSession, service: str, *, is_own: bool) -> None:
        """Load what a client is made of, which the session keeps: on the event loop it would take 0.1 s and more.

        Args:
            session: The session.
            service: The service's name as botocore has it.
            is_own: Whether nobody else uses the session: one that was handed in has its own reader of files again when
                this returns.
        """
        loader: Any = session.get_component("data_loader")
        async with self._turn:
            await asyncio.to_thread(self._load, loader, service, is_own=is_own)

    def _load(self, loader: Any, service: str, *, is_own: bool) -> None:  # botocore has no types
        """Do as aiobotocore's ``warm_up_loader_caches``, which loads paginators, waiters and examples besides."""
        files = loader.file_loader
        if type(files) is JSONFileLoader:
            loader.file_loader = self._files
        try:
            for name in ("_retry", "endpoints", "partitions", "sdk-default-configuration"):
                loader.load_data_with_path(name)
            for kind in ("service-2", "endpoint-rule-set-1"):
                loader.load_service_model(service, kind)
        finally:
            if not is_own:
                loader.file_loader = files
