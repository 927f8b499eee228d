from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

def sync_to_async(
    func: Callable[_P, _R], *, thread_sensitive: bool = True
) -> Callable[_P, Coroutine[Any, Any, _R]]: ...
