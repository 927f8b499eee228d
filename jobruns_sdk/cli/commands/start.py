"""``jobruns start``: start a run, and print its reference."""

from jobruns_sdk import (
    EmrServerlessApplication,
    GlueJob,
    InvalidRequestError,
    RunRef,
    SparkSubmit,
    UnsupportedOperationError,
)
from jobruns_sdk.cli.commands.wait import ended
from jobruns_sdk.cli.exits import DONE
from jobruns_sdk.cli.fields import RUNS
from jobruns_sdk.cli.log_lines import Lines, follow
from jobruns_sdk.cli.options import Form, Start
from jobruns_sdk.cli.options import Wait as WaitOptions
from jobruns_sdk.cli.output import Output
from jobruns_sdk.cli.services import Live, opened_client
from jobruns_sdk.cli.start_request import members_of, read_request
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.cli.words import job_word


async def run(options: Start, terminal: Terminal) -> int:
    """Start a run, print its reference, wait for it if asked to, and return the exit code."""
    word = job_word(options.words[0])
    if word.ref is None and word.name is None:
        raise InvalidRequestError(f"{word.text!r:.200} stands for jobs: one job is wanted")
    request = read_request(options.request)
    async with opened_client(options.places, [word]) as client:
        live = Live(client, options.places)
        handle = client.handle(await live.job(word))
        if isinstance(handle, GlueJob):
            ref = await _start_glue(handle, options, request)
        elif isinstance(handle, EmrServerlessApplication):
            ref = await _start_application(handle, options, request)
        else:
            raise UnsupportedOperationError("starts its runs by itself", service=handle.ref.service)
        terminal.write(f"{ref}\n")
        terminal.flush()
        if options.logs:
            await follow(client, ref, Lines(None, terminal))
        elif not options.wait:
            return DONE
        output = Output(RUNS, Form(form=None, fields=None, native=False, include_secrets=False), terminal)
        code = await ended(client, [ref], _waiting(options), output)
    output.end()
    return code


def _waiting(options: Start) -> WaitOptions:
    return WaitOptions(
        words=(),
        stop_on_timeout=False,
        allow_partial=False,
        timeout=options.timeout,
        interval=options.interval,
        form=Form(form=None, fields=None, native=False, include_secrets=False),
        places=options.places,
        look=options.look,
    )


def _once(options: Start) -> dict[str, object]:
    if options.restart_failed and options.key is None:
        raise InvalidRequestError("--restart-failed is about the run of a --key")
    given: dict[str, object] = {} if options.key is None else {"idempotency_key": options.key}
    return {**given, "on_failed": "restart"} if options.restart_failed else given


async def _start_glue(job: GlueJob, options: Start, request: dict[str, object]) -> RunRef:
    others = {"--spark": options.spark, "--conf": options.confs, "--role": options.role, "--name": options.name}
    for name, value in others.items():
        if value:
            raise InvalidRequestError(f"{name} is for EMR Serverless: {job.ref} is a Glue job")
    given = dict(_argument(text) for text in options.args)
    members = members_of(job.start, {**request, **_once(options)})
    arguments = {**members.pop("arguments", {}), **given}
    return await job.start(**members, arguments=arguments or None)


def _argument(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name):
        raise InvalidRequestError("an argument of a Glue job is given as --arg=--NAME=VALUE")
    return name, value


async def _start_application(
    application: EmrServerlessApplication, options: Start, request: dict[str, object]
) -> RunRef:
    said: dict[str, object] = {**request, **_once(options)}
    if options.spark is not None:
        if "driver" in said:
            raise InvalidRequestError("--spark and the driver of --json say the same: give one")
        confs = " ".join(f"--conf {_quoted(conf)}" for conf in options.confs)
        said["driver"] = SparkSubmit(options.spark, options.args, confs or None)
    elif options.args or options.confs:
        raise InvalidRequestError("--arg and --conf are for a script or a jar: name it by --spark")
    said |= {"execution_role_arn": options.role} if options.role is not None else {}
    said |= {"name": options.name} if options.name is not None else {}
    for member, option in (("driver", "--spark"), ("execution_role_arn", "--role")):
        if member not in said:
            raise InvalidRequestError(f"{option} is missing, or {member} in the file of --json")
    return await application.start(**members_of(application.start, said))


def _quoted(conf: str) -> str:
    return conf if not any(character.isspace() for character in conf) else f'"{conf}"'
