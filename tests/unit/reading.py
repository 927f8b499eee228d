"""Reading pages in steps: here an item, there a page, and then on in another process, as it were."""

from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from hypothesis import strategies as st

from jobruns_sdk.paging.pages import Pages, Walk

T = TypeVar("T")
Step = tuple[str, int]

_actions = st.sampled_from(["take", "page", "add", "expire", "resume"])
STEPS: Final = st.lists(st.tuples(_actions, st.integers(0, 7)), max_size=25)


def nothing(*_: object) -> None:
    """Change nothing."""


class Reader(Generic[T]):
    """Reads pages to their end, step by step; `add`, `remove` and `expire` change what is listed meanwhile."""

    def __init__(
        self,
        pages: Callable[[str | None], Pages[T]],
        *,
        add: Callable[[int], None] = nothing,
        remove: Callable[[int], None] = nothing,
        expire: Callable[[], None] = nothing,
    ) -> None:
        self._pages = pages
        self._add = add
        self._remove = remove
        self._expire = expire
        self._seen: list[T] = []
        self._ended = False
        self._walk: Walk[T] = pages(None).open()

    async def read(self, steps: Sequence[Step]) -> list[T]:
        """Take all steps, and then what is left; return all that was read."""
        for step in steps:
            if not self._ended:
                await self._do(*step)
        if not self._ended:
            self._seen += [item async for item in self._walk]
            assert self._walk.cursor is None
        await self._walk.aclose()
        return self._seen

    async def _do(self, action: str, count: int) -> None:
        match action:
            case "take":
                await self._take(count)
            case "page":
                page = await self._walk.next_page()
                assert page is None or page.items
                self._seen += page.items if page else ()
                self._ended = page is None
            case "resume":
                await self._resume()
            case "expire":
                self._expire()
            case "remove":
                self._remove(count)
            case _ if self._seen:  # what is added before the first page is read belongs to it
                self._add(count)
            case _:
                pass

    async def _take(self, count: int) -> None:
        for _ in range(count):
            item = await anext(self._walk, None)
            if item is None:
                self._ended = True
                return
            self._seen.append(item)

    async def _resume(self) -> None:
        cursor = self._walk.cursor
        await self._walk.aclose()
        self._ended = cursor is None
        self._walk = self._pages(cursor).open()
