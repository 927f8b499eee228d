"""``jobruns export``: write runs to a file, in the form that its name ends with."""

import csv
import os
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from jobruns_sdk import InvalidRequestError, JobRun, JobRunsError, to_dict
from jobruns_sdk.cli.fields import RUN_FIELDS, RUNS, json_text, reader, text_of
from jobruns_sdk.cli.options import Export
from jobruns_sdk.cli.reading import opened_reader
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.cli.wanted import last_word, told, wanted_of, words_of

Write = Callable[[list[JobRun[Any]]], object]

_AT_ONCE: Final = 4096


async def run(options: Export, terminal: Terminal) -> int:
    """Write runs to a file, tell how many, and return the exit code."""
    texts, path = last_word(options.words, "FILE.{parquet,arrow,csv,jsonl}", tuple(_WRITERS))
    words = words_of(texts, os.environ.get("JOBRUNS_JOBS"))
    wanted = wanted_of(options.filters, terminal, hydrate=options.full)
    native, secrets = options.native or options.include_secrets, options.include_secrets
    with _beside(path) as made:
        async with opened_reader(options.store, options.places, words) as source:
            with _WRITERS[Path(path).suffix.lower()](made, native=native, secrets=secrets) as write:
                count = await _written(source.runs(words, wanted), write)
        code = told(source.failures, several=len(words) != 1 or options.places.are_several)
        if not code:  # a file that lacks runs takes the place of none
            made.replace(path)
            terminal.write(f"{count} runs\n")
    return code


async def _written(runs: AsyncIterator[JobRun[Any]], write: Write) -> int:
    """Write runs, so many at once, and return how many they were."""
    count, rows = 0, list[JobRun[Any]]()
    async for run in runs:
        rows.append(run)
        if len(rows) == _AT_ONCE:
            write(rows)
            count, rows = count + len(rows), []
    write(rows)
    return count + len(rows)


@contextmanager
def _beside(path: str) -> Generator[Path]:
    """Hand out the path of a file that can take the place of another once it is whole: a half one is never left."""
    made = Path(f"{path}.{os.getpid()}.part")
    try:
        yield made
    except OSError as error:
        raise JobRunsError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        made.unlink(missing_ok=True)


@contextmanager
def _jsonl(path: Path, *, native: bool, secrets: bool) -> Generator[Write]:
    del native  # it is always there
    with path.open("w", encoding="utf-8") as file:
        yield lambda runs: file.writelines(f"{json_text(to_dict(run, secrets=secrets))}\n" for run in runs)


@contextmanager
def _csv(path: Path, *, native: bool, secrets: bool) -> Generator[Write]:
    names = [*RUN_FIELDS, *(["native"] if native else [])]
    readers = [reader(RUNS, name, include_secrets=secrets) for name in names]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        yield lambda runs: writer.writerows([text_of(read(run)) for read in readers] for run in runs)


@contextmanager
def _arrow(path: Path, *, native: bool, secrets: bool, is_parquet: bool) -> Generator[Write]:
    try:
        pa, columns = import_module("pyarrow"), import_module("jobruns_sdk.arrow.columns")
        maker = import_module("pyarrow.parquet").ParquetWriter if is_parquet else pa.ipc.new_file
    except ModuleNotFoundError:
        raise InvalidRequestError("pyarrow is missing: install the extra arrow, or write .csv or .jsonl") from None
    schema = columns.with_native(columns.RUN_SCHEMA) if native else columns.RUN_SCHEMA
    with maker(str(path), schema) as writer:
        yield lambda runs: writer.write_batch(columns.batch_from_runs(runs, native=native, include_secrets=secrets))


_WRITERS: Final[dict[str, Callable[..., Any]]] = {
    ".parquet": partial(_arrow, is_parquet=True),
    ".arrow": partial(_arrow, is_parquet=False),
    ".csv": _csv,
    ".jsonl": _jsonl,
}
