"""A failing world made smaller: as few programs, kills, troubles and runs as still bring the same complaint."""

import re
from collections.abc import Callable

from tests.simulation.plans import PIECES, Story

Keep = dict[str, frozenset[int]]
_NUMBERS = re.compile(r"[0-9a-z_]*\d[0-9a-z_.]*")
MOST_TRIES = 150


def kind_of(complaint: str) -> str:
    """Return what a complaint is about, without what names this world's runs and moments."""
    text = complaint.partition(": ")[2] if complaint.startswith("#") else complaint
    return _NUMBERS.sub("N", text)[:60]


def shrink(seed: int, steps: int | None, kinds: set[str], play: Callable[[Story], list[str]]) -> tuple[Keep, list[str]]:
    """Return the pieces that are needed for one of these kinds of complaints, and the complaints that they bring."""
    counts = Story(seed, steps=steps).counts
    keep: Keep = {piece: frozenset(range(counts.get(piece, 0))) for piece in PIECES}
    told: list[str] = []
    tries = 0

    def fails(tried: Keep) -> bool:
        nonlocal tries, told
        if tries >= MOST_TRIES:
            return False
        tries += 1
        found = [text for text in play(Story(seed, tried, steps)) if kind_of(text) in kinds]
        if found:
            told = found
        return bool(found)

    for piece in ("programs", "kills", "troubles", "runs", "programs"):
        size = max(1, len(keep[piece]))
        while size and keep[piece]:
            numbers = sorted(keep[piece])
            for start in range(0, len(numbers), size):
                fewer = keep[piece] - set(numbers[start : start + size])
                if fewer != keep[piece] and fails({**keep, piece: fewer}):
                    keep = {**keep, piece: fewer}
            size //= 2
    return keep, told


def command(seed: int, steps: int | None, keep: Keep) -> str:
    """Return the command that plays just these pieces."""
    words = [f"python -m tests.simulation {seed}"]
    if steps is not None:
        words.append(f"--steps {steps}")
    words += [f"--{piece} {','.join(map(str, sorted(numbers))) or 'none'}" for piece, numbers in keep.items()]
    return " ".join(words)
