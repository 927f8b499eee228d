"""One file of SQLite, and the one thread in which it is used: nothing here blocks the event loop."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from jobruns_sdk.errors import StoreError
from jobruns_sdk.history.schema import in_transaction, prepare

T = TypeVar("T")

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class Database:
    """A file of SQLite that any number of processes may use at once."""

    def __init__(self, path: str, patience: float) -> None:
        """Take the file's path, and for how many seconds to wait while another process writes."""
        self._path = path
        self._patience = patience
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file, and make it where there is none.

        Raises:
            StoreError: It is something else, of a later version, damaged, or cannot be opened.
        """
        if self._thread is not None:
            raise StoreError(f"{self._path}: this store is open already")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="jobruns-history")
        try:
            self._connection = await self._in_thread(self._connect)
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Close the file, once what is under way has ended."""
        thread, self._thread = self._thread, None
        if thread is not None:
            closed = asyncio.get_running_loop().run_in_executor(thread, self._close)
            thread.shutdown(wait=False)
            await asyncio.shield(closed)

    async def run(self, work: Callable[[], T]) -> T:
        """Return what comes of some work, which takes a while and does not use the file, in the thread.

        Raises:
            StoreError: The store is not open.
        """
        self._opened()
        return await self._in_thread(work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what comes of some work on the file, which only reads; it sees one state of the file.

        Raises:
            StoreError: The store is not open, or the file cannot be read.
        """
        return await self._do(work, "begin")

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what comes of some work in one transaction: all of it is written, or nothing.

        Raises:
            StoreError: The store is not open, the file cannot be written, or another process writes for too long.
        """
        return await self._do(work, "begin immediate")

    async def _do(self, work: Callable[[sqlite3.Connection], T], begin: str) -> T:
        connection = self._opened()
        return await self._in_thread(lambda: in_transaction(connection, work, begin))

    def _opened(self) -> sqlite3.Connection:
        if self._thread is None or self._connection is None:
            raise StoreError(f"{self._path}: this store is not open: use it in `async with`, or await its open()")
        return self._connection

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise _told(self._path, error) from error

    def _connect(self) -> sqlite3.Connection:
        # Without a transaction of Python's own making: those here say what they are.
        connection = sqlite3.connect(self._path, timeout=self._patience, isolation_level=None)
        try:
            prepare(connection, self._path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _told(path: str, error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorcode", None)  # of errors that SQLite itself has not told
    primary = None if code is None else code & 0xFF
    if primary in _BUSY:
        return StoreError(f"{path}: another process has not finished writing: {error}", retryable=True)
    if primary == sqlite3.SQLITE_NOTADB:
        return StoreError(f"{path} is not a store of runs: {error}")
    if primary == sqlite3.SQLITE_CORRUPT:
        return StoreError(f"{path} is damaged: {error}")
    return StoreError(f"{path}: {error}")
