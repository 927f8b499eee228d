"""What walks come to that meet odd pages, by the model of the unit tests."""

import asyncio
from typing import Final

from jobruns_sdk.errors import PaginationError
from tests.unit.listings import Book, Recorder, Row, Shelf, newest_first, pages_of
from tests.unit.paging.test_pages_model import Circle

EXACT: Final = True


async def _walk(listing: Recorder, change: str = "") -> tuple[int, str]:
    """Return how many rows came, and what the end was; after the first page the listing changes."""
    count = 0
    async with pages_of(listing).open() as walk:
        try:
            while (page := await walk.next_page()) is not None:
                if not count and isinstance(listing, Shelf):
                    _change(listing, change)
                count += len(page.items)
        except PaginationError:
            return count, "PaginationError"
    return count, "the end"


def _change(shelf: Shelf, change: str) -> None:
    match change:
        case "add":
            shelf.add(2)
        case "remove":
            shelf.remove(0)
        case "expire":
            shelf.expire()
        case _:
            pass


def render() -> str:
    empty: list[list[Row]] = [[]] * 30
    cases: dict[str, tuple[Recorder, str]] = {
        "nothing odd": (Shelf(newest_first(9), 3), ""),
        "two rows are added before the place; tokens count rows": (Shelf(newest_first(9), 3), "add"),
        "a row before the place is removed; tokens count rows": (Shelf(newest_first(9), 3), "remove"),
        "a row before the place is removed; tokens name rows": (Shelf(newest_first(9), 3, offsets=False), "remove"),
        "the token of the second page has expired": (Shelf(newest_first(9), 3), "expire"),
        "30 empty pages before the rows": (Book(*empty, newest_first(9)), ""),
        **{f"tokens of period {period}": (Circle(0, period), "") for period in (1, 2, 3, 7, 50)},
        "tokens of period 50, pages empty": (Circle(0, 50, rows=False), ""),
    }
    lines = ["| what happens | calls | rows | then |", "| --- | ---: | ---: | --- |"]
    for what, (listing, change) in cases.items():
        rows, end = asyncio.run(_walk(listing, change))
        lines.append(f"| {what} | {len(listing.asked)} | {rows} | {end} |")
    return "\n".join(lines)
