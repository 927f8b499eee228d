"""``jobruns watch``: runs as they change, in lines, or redrawn in place where rich is installed."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any

from jobruns_sdk import InvalidRequestError, JobRef, RunRef, RunState, SourceError, StateChange
from jobruns_sdk.cli.exits import UNSUCCESSFUL
from jobruns_sdk.cli.fields import CHANGES
from jobruns_sdk.cli.log_lines import Lines, follow
from jobruns_sdk.cli.options import Watch
from jobruns_sdk.cli.output import Output
from jobruns_sdk.cli.services import Live, opened_client
from jobruns_sdk.cli.shown import colored, first_line, job_text, state_text
from jobruns_sdk.cli.table import cut
from jobruns_sdk.cli.terminal import Terminal, complain
from jobruns_sdk.cli.wanted import told
from jobruns_sdk.cli.words import JobWord, RunWord, is_run, job_word, run_word

if TYPE_CHECKING:
    from jobruns_sdk import JobRunsClient


async def run(options: Watch, terminal: Terminal) -> int:
    """Tell of changes until all runs have ended, and return the exit code."""
    words: list[RunWord | JobWord] = [run_word(text) if is_run(text) else job_word(text) for text in options.words]
    jobs = [word.job if isinstance(word, RunWord) else word for word in words]
    if options.logs and not all(isinstance(word, RunWord) for word in words):
        raise InvalidRequestError("--logs prints what runs write: name runs, not jobs")
    failures: list[SourceError] = []
    last: dict[RunRef, RunState] = {}
    with _teller(options, terminal) as tell:
        async with opened_client(options.places, jobs) as client:
            targets = [target async for target in _targets(Live(client, options.places), words)]
            watch = client.watch(
                targets, timeout=options.timeout, poll_interval=options.interval, on_error=failures.append
            )
            lines = Lines(None, terminal, are_of_several=len(targets) > 1)
            async with _followed(client, targets if options.logs else [], lines):
                async for change in watch:
                    last[change.run.ref] = change.after
                    tell(change)
    code = told(failures)
    is_bad = options.exit_status and any(state != RunState.SUCCEEDED for state in last.values())
    return code or (UNSUCCESSFUL if is_bad else 0)


@asynccontextmanager
async def _followed(client: "JobRunsClient", runs: Sequence[RunRef | JobRef], lines: Lines) -> AsyncGenerator[None]:
    """Write what runs write meanwhile, to their end, which is waited for; nothing more where the watch has failed."""
    tasks = [asyncio.create_task(follow(client, run, lines)) for run in runs if isinstance(run, RunRef)]
    try:
        yield
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _targets(live: Live, words: list[RunWord | JobWord]) -> AsyncIterator[RunRef | JobRef]:
    for word in words:
        if isinstance(word, RunWord):
            yield await live.ref(word)
            continue
        found = await live.jobs([word])
        if isinstance(found, list):
            for ref in found:
                yield ref
        else:
            async for job in found:
                yield job if isinstance(job, JobRef) else job.ref
        live.raise_failure()


def _teller(options: Watch, terminal: Terminal) -> AbstractContextManager[Callable[[StateChange], object]]:
    """Return what is told of each change."""
    if options.logs:
        return nullcontext(lambda change: complain(_line(change, terminal)))
    if options.form.form is None and options.form.fields is None and terminal.is_terminal:
        try:
            redrawn: Any = import_module("jobruns_sdk.cli.redrawn")
        except ModuleNotFoundError:  # without rich changes are told in lines
            return nullcontext(lambda change: terminal.write(f"{_line(change, terminal)}\n"))
        table: AbstractContextManager[Callable[[StateChange], object]] = redrawn.LiveTable(terminal)
        return table
    output = Output(CHANGES, options.form, terminal)

    def put(change: StateChange) -> None:
        output.put(change)
        terminal.flush()

    return _Ended(output, put)


class _Ended(AbstractContextManager["Callable[[StateChange], object]"]):
    """An output that ends with the watch, however that ends."""

    def __init__(self, output: Output, put: Callable[[StateChange], object]) -> None:
        self._output = output
        self._put = put

    def __enter__(self) -> Callable[[StateChange], object]:
        return self._put

    def __exit__(self, *_: object) -> None:
        self._output.end()


def _line(change: StateChange, terminal: Terminal) -> str:
    run: Any = change.run
    state = colored(f"{state_text(change.after, terminal):<12}", change.after, terminal)
    tried = f"  try {change.attempt}" if change.attempt > 1 else ""
    text = f"{job_text(run)} {run.id[:9]}{tried}  {first_line(run.message, terminal)}".rstrip()
    at = f"{change.at.astimezone(terminal.zone):%H:%M:%S}"
    return f"{at}  {state} {cut(terminal.shown(text), terminal.width - 24, '…' if terminal.has_unicode else '..')}"
