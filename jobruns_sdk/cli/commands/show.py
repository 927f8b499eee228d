"""``jobruns show``: one run, and its attempts under it."""

import textwrap
from typing import Any

from jobruns_sdk import Attempt, JobRun, NotFoundError
from jobruns_sdk.cli.exits import DONE
from jobruns_sdk.cli.fields import ATTEMPTS, RUNS, reader, text_of
from jobruns_sdk.cli.options import Show
from jobruns_sdk.cli.output import Output, table_lines
from jobruns_sdk.cli.reading import opened_reader
from jobruns_sdk.cli.shown import colored, full_moment, job_text, state_text, took_text
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.cli.words import run_word


async def run(options: Show, terminal: Terminal) -> int:
    """Show a run, or one of its attempts, and return the exit code."""
    word = run_word(options.words[0])
    output = Output(RUNS if options.attempt is None else ATTEMPTS, options.form, terminal)
    is_card = options.form.form is None and options.form.fields is None
    async with opened_reader(options.store, options.places, [word.job]) as source:
        found = await source.run(word, last_failed=options.last_failed)
        is_run_alone = options.attempt is None and not (is_card and terminal.is_terminal)
        attempts = [] if is_run_alone else await source.attempts([found.ref], hydrate=True)
        is_card_of_run = is_card and terminal.is_terminal and options.attempt is None
        reason = await source.reason(found) if is_card_of_run else None
    row: JobRun[Any] | Attempt[Any] = found
    if options.attempt is not None:
        row = _numbered(attempts, options.attempt, found)
    if not is_card:
        output.put(row)
        output.end()
        return DONE
    names = [*(ATTEMPTS if isinstance(row, Attempt) else RUNS).fields]
    if options.form.native or options.form.include_secrets:
        names.append("native")
    if terminal.is_terminal:
        _write_card(row, found, reason, terminal)
        if options.attempt is None and attempts:
            _write_attempts(attempts, terminal)
        names = [name for name in names if name == "native"]
    kind = ATTEMPTS if isinstance(row, Attempt) else RUNS
    for name in names:
        text = text_of(reader(kind, name, include_secrets=options.form.include_secrets)(row))
        terminal.write(f"{name}\t{terminal.shown(text)}\n")
    return DONE


def _numbered(attempts: list[Attempt[Any]], number: int, run: JobRun[Any]) -> Attempt[Any]:
    for attempt in attempts:
        if attempt.number == number:
            return attempt
    raise NotFoundError(f"{run.ref} has no attempt {number}: it has {len(attempts)}")


def _write_card(row: JobRun[Any] | Attempt[Any], run: JobRun[Any], reason: str | None, terminal: Terminal) -> None:
    """Write what people look for, a line each; a long message takes several."""
    state = colored(state_text(row.state, terminal), row.state, terminal)
    own = "" if row.native_state in ("", str(row.state)) else f" ({terminal.shown(row.native_state)})"
    facts: list[tuple[str, str]] = [("run", str(run.ref)), ("job", job_text(run))]
    facts += [("name", run.name)] if run.name and run.name != run.job_name else []
    number = row.number if isinstance(row, Attempt) else row.attempt
    facts += [("attempt", f"{number}" + (f"  {row.id}" if isinstance(row, Attempt) else ""))]
    shown = [(name, terminal.shown(text)) for name, text in facts]
    shown += [("state", state + own)]
    moments = [("created", row.created_at), ("started", row.started_at), ("ended", row.ended_at)]
    shown += [(name, full_moment(moment, terminal)) for name, moment in moments if moment is not None]
    shown += [("took", took)] if (took := took_text(row, terminal)) else []
    shown += [("used", str(row.usage))] if row.usage is not None else []
    shown += [("by", terminal.shown(run.created_by))] if run.created_by else []
    for name, text in shown:
        terminal.write(f"{name:<8} {text}\n")
    message = (row.message or "").strip()
    shown_reason = f"\n{reason}" if reason is not None and reason not in message else ""
    for line in f"{message}{shown_reason}".splitlines():
        for part in textwrap.wrap(terminal.shown(line), max(20, terminal.width - 2)) or [""]:
            terminal.write(f"  {part}\n")


def _write_attempts(attempts: list[Attempt[Any]], terminal: Terminal) -> None:
    names = ATTEMPTS.columns
    readers = [reader(ATTEMPTS, name, include_secrets=False) for name in names]
    terminal.write("\n")
    for line in table_lines(attempts, names, readers, terminal.width, terminal):
        terminal.write(f"{line}\n")
