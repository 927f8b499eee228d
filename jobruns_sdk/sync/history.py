"""The store of runs for programs without an event loop: ``with RunStore(path) as store``, and no ``await``."""

from collections.abc import Callable, Coroutine
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar, cast

from jobruns_sdk import history
from jobruns_sdk.bridge import Bridge
from jobruns_sdk.sync.carry import Carried, Carrier, blocking, constructed_like, listed
from jobruns_sdk.sync.client import JobRunsClient
from jobruns_sdk.sync.paging import asynchronous, paged

P = ParamSpec("P")
R = TypeVar("R")


def _reading_from(
    method: Callable[Concatenate[Any, Any, P], Coroutine[Any, Any, R]],
) -> Carried[Concatenate[JobRunsClient, P], R]:
    """Return the method that waits for one which reads from a client: it runs where that client's calls do."""

    @wraps(method)
    def call(self: Carrier[object], client: JobRunsClient, *args: Any, **options: Any) -> object:  # noqa: ANN401  # those of the method
        given = [listed(asynchronous(value)) for value in args]
        named = {name: listed(asynchronous(value)) for name, value in options.items()}
        return client.bridge.run(getattr(self.carried, method.__name__)(client.carried, *given, **named))

    return cast("Carried[Concatenate[JobRunsClient, P], R]", call)


class RunStore(Carrier[history.RunStore]):
    """Runs in one file of SQLite; used in ``with``, by any number of threads. See ``jobruns_sdk.history.RunStore``."""

    @constructed_like(history.RunStore)
    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  # those of the asynchronous store
        super().__init__(Bridge(), history.RunStore(*args, **options))

    def __enter__(self) -> Self:
        self.bridge.enter(self.carried)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> Self:
        """Open the file, and return the store: for notebooks, where no ``with`` goes over cells."""
        return self.__enter__()

    def close(self) -> None:
        """Close the file, once the transaction under way has ended."""
        self.bridge.close()

    sync: Final = _reading_from(history.RunStore.sync)
    runs: Final = paged(history.RunStore.runs)
    attempts: Final = paged(history.RunStore.attempts)
    to_arrow: Final = blocking(history.RunStore.to_arrow)
    forget: Final = blocking(history.RunStore.forget)
