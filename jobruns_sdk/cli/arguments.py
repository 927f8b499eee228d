"""The command line of ``jobruns``: its commands and their options. Nothing here needs more than argparse."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from jobruns_sdk import __version__
from jobruns_sdk.cli.moments import when
from jobruns_sdk.cli.parsing import SOURCES, Parser, attempt, count, names, pair, some_time, sources_of, states_of, told

FORMS: Final = ("table", "wide", "tsv", "jsonl", "json", "csv", "name")
SHELLS: Final = ("bash", "fish", "zsh")
_EPILOG: Final = """\
A JOB is glue:NAME, emr:APPLICATION (its id or its name), datazone:DOMAIN/JOB, glue:nightly-* or glue: for all.
A RUN is JOB/ID, or JOB/ and the beginning of an id, or a JOB for its newest run.
Without jobs: those of JOBRUNS_JOBS, else all Glue jobs and EMR Serverless applications.
"""


_read_span: Final = told(some_time)
_read_when: Final = told(when)
_read_count: Final = told(count)


def parser() -> Parser:
    """Return the parser of the command line."""
    top = Parser(prog="jobruns", description="Job runs of EMR Serverless, DataZone and Glue.", epilog=_EPILOG)
    top.add_argument("--version", action="version", version=f"jobruns {__version__}")
    added = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name, (text, fill) in _COMMANDS.items():
        described = f"{text[0].upper()}{text[1:]}."
        top.commands[name] = added.add_parser(name, help=text, description=described, epilog=_EPILOG, fill=fill)
    return top


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what a command line says; where it is wrong, or asks for help, the process exits.

    Raises:
        SystemExit: With 2 where it is wrong, with 0 where help was printed.
    """
    return parser().parse_args(sys.argv[1:] if arguments is None else arguments)


def _add_common(to: Parser, *, places: bool = True) -> None:
    if places:
        where = to.add_argument_group("where to read")
        where.add_argument(
            "--profile",
            action="append",
            default=[],
            metavar="NAME",
            dest="profiles",
            help="a profile of ~/.aws/config; several are read side by side",
        )
        where.add_argument(
            "--region",
            action="append",
            default=[],
            metavar="REGION",
            dest="regions",
            help="an AWS region; several are read side by side",
        )
        where.add_argument("--endpoint-url", metavar="URL", help="an address in place of AWS's")
    other = to.add_argument_group("other options")
    other.add_argument("--utc", action="store_true", help="times in UTC, and without a zone UTC is meant")
    other.add_argument("--no-color", action="store_true", help="no colors; NO_COLOR does the same")
    other.add_argument("-q", "--quiet", action="store_true", help="no notices on standard error")
    other.add_argument(
        "-v", "--verbose", action="store_true", help="the log of calls, polls and walks, on standard error"
    )
    other.add_argument("--debug", action="store_true", help="the log, and tracebacks, on standard error")


def _add_forms(to: Parser) -> None:
    form = to.add_argument_group("output")
    form.add_argument(
        "-o",
        "--output",
        choices=FORMS,
        dest="form",
        help="the form; a table in a terminal, tab-separated values elsewhere",
    )
    form.add_argument("--fields", type=names, metavar="F,...", help="the columns, by the names of data frames")
    form.add_argument("--native", action="store_true", help="a column with the service's own structure, as JSON")
    form.add_argument(
        "--include-secrets", action="store_true", help="what may hold secrets, too, such as job arguments"
    )


def _add_jobs(to: Parser, *, file: str | None = None) -> None:
    metavar = "JOB" if file is None else f"JOB|{file}"
    to.add_argument(
        "words", nargs="*", metavar=metavar, help="jobs" if file is None else f"jobs, and last the file: {file}"
    )


def _add_run(to: Parser) -> None:
    to.add_argument("words", nargs=1, metavar="RUN", help="a run")
    to.add_argument("--last-failed", action="store_true", help="of a job, its newest run that was not successful")


def _add_filters(to: Parser, *, since: str | None = None) -> None:
    which = to.add_argument_group("which runs")
    which.add_argument(
        "-s",
        "--state",
        type=states_of,
        action="extend",
        dest="states",
        metavar="STATE,...",
        help="states, in any case; active, ended and unsuccessful are several",
    )
    which.add_argument(
        "--since",
        type=_read_when,
        metavar="TIME",
        default=None if since is None else _read_when(since),
        help="ended since then, or still active: 90m, 7d, yesterday, 2026-11-29"
        + (f"; {since} unless given" if since else ""),
    )
    which.add_argument("--until", type=_read_when, metavar="TIME", help="created before then")
    which.add_argument(
        "--reach", type=_read_span, metavar="SPAN", help="how long runs take at most, for --since; 7d unless given"
    )


def _add_store(to: Parser) -> None:
    to.add_argument("--from", metavar="FILE.sqlite", dest="store", help="read a file of jobruns sync, not the services")


def _add_waits(to: Parser) -> None:
    to.add_argument("--timeout", type=_read_span, metavar="SPAN", help="give up after that time, with exit code 124")
    to.add_argument(
        "--interval",
        type=_read_span,
        metavar="SPAN",
        default=timedelta(seconds=10),
        help="the time between the first polls; 10s unless given",
    )


def _fill_jobs(to: Parser) -> None:
    to.add_argument("services", nargs="*", metavar="SERVICE", help="glue, emr-serverless; all unless given")
    to.add_argument("--name", metavar="PATTERN", help="a pattern of names, such as 'nightly-*'")
    to.add_argument(
        "--tag",
        type=told(pair),
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="tags",
        help="a tag that a Glue job must have",
    )
    _add_forms(to)
    _add_common(to)


def _fill_ls(to: Parser) -> None:
    _add_jobs(to)
    _add_filters(to)
    to.add_argument("-n", "--limit", type=_read_count, default=20, metavar="N", help="the newest N; 20 unless given")
    to.add_argument("--all", action="store_true", help="all of them")
    to.add_argument("--full", action="store_true", help="fetch each run where the list has less, as on EMR Serverless")
    to.add_argument(
        "--why", action="store_true", help="the best reason that there is for each failure, of logs if need be"
    )
    _add_store(to)
    _add_forms(to)
    _add_common(to)


def _fill_show(to: Parser) -> None:
    _add_run(to)
    to.add_argument("--attempt", type=_read_count, metavar="N", help="one of its attempts")
    _add_store(to)
    _add_forms(to)
    _add_common(to)


def _fill_attempts(to: Parser) -> None:
    _add_run(to)
    to.add_argument("--full", action="store_true", help="fetch each attempt where the list has less")
    _add_store(to)
    _add_forms(to)
    _add_common(to)


def _fill_watch(to: Parser) -> None:
    to.add_argument("words", nargs="+", metavar="JOB|RUN", help="runs, or jobs whose runs are to be watched")
    to.add_argument("--exit-status", action="store_true", help="exit with 1 where a run did not succeed")
    to.add_argument("--logs", action="store_true", help="print the lines that runs write; states go to standard error")
    _add_waits(to)
    _add_forms(to)
    _add_common(to)


def _fill_wait(to: Parser) -> None:
    to.add_argument("words", nargs="+", metavar="RUN", help="runs; - reads them from standard input")
    to.add_argument("--stop-on-timeout", action="store_true", help="stop what has not ended by then")
    to.add_argument("--allow-partial", action="store_true", help="partial success is success, too")
    _add_waits(to)
    _add_forms(to)
    _add_common(to)


def _fill_start(to: Parser) -> None:
    to.add_argument("words", nargs=1, metavar="JOB", help="a Glue job, or an EMR Serverless application")
    to.add_argument(
        "--arg", action="append", default=[], metavar="ARG", dest="args", help="an argument: --arg=--day=2026-11-29"
    )
    to.add_argument("--key", help="starts of the job with the same key are one start")
    to.add_argument("--restart-failed", action="store_true", help="start again where the run of the key has failed")
    to.add_argument("--spark", metavar="FILE", help="EMR Serverless: the script or jar")
    to.add_argument(
        "--conf",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="confs",
        help="EMR Serverless: a setting of Spark",
    )
    to.add_argument("--role", metavar="ARN", help="EMR Serverless: the role that the run works with")
    to.add_argument("--name", help="EMR Serverless: a name of the run")
    to.add_argument("--json", metavar="FILE", dest="request", help="more of what the handle's start() takes, by name")
    to.add_argument("--wait", action="store_true", help="wait for its end, and print that, too")
    to.add_argument("--logs", action="store_true", help="print the lines that it writes until its end, then that")
    _add_waits(to)
    _add_common(to)


def _fill_stop(to: Parser) -> None:
    to.add_argument("words", nargs="+", metavar="RUN", help="full references; - reads them from standard input")
    _add_common(to)


def _fill_logs(to: Parser) -> None:
    _add_run(to)
    to.add_argument("-f", "--follow", action="store_true", help="go on until the run has ended, through its attempts")
    to.add_argument(
        "--attempt", type=told(attempt), metavar="N|all", help="one of its attempts; the latest unless given"
    )
    to.add_argument(
        "--source",
        type=sources_of,
        default=("driver",),
        dest="sources",
        metavar="S,...",
        help=f"{', '.join(SOURCES)}; driver, what the script prints, unless given",
    )
    to.add_argument("--tail", type=_read_count, metavar="N", help="the last N lines")
    to.add_argument("--since", type=_read_when, metavar="TIME", help="written since then")
    to.add_argument("--where", action="store_true", help="where they lie, and not the lines")
    _add_forms(to)
    _add_common(to)


def _fill_timeline(to: Parser) -> None:
    _add_jobs(to)
    _add_filters(to, since="24h")
    to.add_argument("--svg", metavar="FILE", help="write a picture to that file; - is standard output")
    _add_store(to)
    _add_common(to)


def _fill_report(to: Parser) -> None:
    _add_jobs(to)
    _add_filters(to, since="7d")
    to.add_argument("--html", metavar="FILE", required=True, help="the file; - is standard output")
    to.add_argument("--title", default="Job runs", help="its title")
    to.add_argument("--prices", action="append", default=[], metavar="FILE", help="prices, for what the runs cost")
    _add_store(to)
    _add_common(to)


def _fill_cost(to: Parser) -> None:
    _add_jobs(to)
    _add_filters(to, since="30d")
    to.add_argument(
        "--prices",
        action="append",
        required=True,
        metavar="FILE",
        help="prices: a table that PriceTable.save has written, or AWS's price lists in CSV",
    )
    to.add_argument(
        "--by",
        type=names,
        default=("job",),
        metavar="G,...",
        help="the groups: job, job_name, service, region, profile, state, day; job unless given",
    )
    _add_store(to)
    _add_forms(to)
    _add_common(to)


def _fill_export(to: Parser) -> None:
    _add_jobs(to, file="FILE.{parquet,arrow,csv,jsonl}")
    _add_filters(to)
    to.add_argument("--full", action="store_true", help="fetch each run where the list has less, as on EMR Serverless")
    to.add_argument("--native", action="store_true", help="a column with the service's own structure, as JSON")
    to.add_argument("--include-secrets", action="store_true", help="with what may hold secrets, such as job arguments")
    _add_store(to)
    _add_common(to)


def _fill_sync(to: Parser) -> None:
    _add_jobs(to, file="FILE.sqlite")
    to.add_argument(
        "--since",
        type=_read_when,
        metavar="TIME",
        help="created since then, of jobs that the file does not know; all unless given",
    )
    to.add_argument("--full", action="store_true", help="fetch each run where the list has less")
    to.add_argument("--attempts", action="store_true", help="store attempts, too")
    _add_common(to)


def _fill_url(to: Parser) -> None:
    _add_run(to)
    _add_common(to)


def _fill_completion(to: Parser) -> None:
    to.add_argument("shell", choices=SHELLS, help="the shell")
    _add_common(to, places=False)


_COMMANDS: Final[dict[str, tuple[str, Callable[[Parser], object]]]] = {
    "jobs": ("list jobs", _fill_jobs),
    "ls": ("list runs, newest first", _fill_ls),
    "show": ("show a run and its attempts", _fill_show),
    "attempts": ("list the attempts of a run", _fill_attempts),
    "watch": ("tell of runs as they change", _fill_watch),
    "wait": ("wait for runs to end", _fill_wait),
    "start": ("start a run, and print its reference", _fill_start),
    "stop": ("stop runs", _fill_stop),
    "logs": ("print the lines that a run wrote", _fill_logs),
    "timeline": ("draw runs along time", _fill_timeline),
    "report": ("write a report that a browser shows", _fill_report),
    "cost": ("tell what runs cost, by the prices of a file", _fill_cost),
    "export": ("write runs to a file", _fill_export),
    "sync": ("bring a file of runs up to date", _fill_sync),
    "url": ("print the address of a run's page", _fill_url),
    "completion": ("print a shell's completion of this command", _fill_completion),
}
