"""The part of the client that knows the names of jobs and runs: it completes them, and makes handles of them."""

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from os import environ
from typing import overload

from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.refs import JobLike, JobRef, RunLike, RunRef, each_of, ref_of
from jobruns_sdk.services.handle import Handle
from jobruns_sdk.services.registry import Entry
from jobruns_sdk.transport.calls import Transport
from jobruns_sdk.transport.connections import Connections, region_of
from jobruns_sdk.transport.operation import Call


class ClientNaming:
    """Completes the names of jobs and runs, and makes handles of them; ``JobRunsClient`` sets the attributes."""

    _region_name: str | None
    _entries: Mapping[str, Entry]
    _services: frozenset[str]
    _makers: Mapping[str, Callable[[JobRef, Call], Handle]]
    _connections: Connections
    _transport: Transport

    def handle(self, job: JobLike) -> Handle:
        """Return the handle of a job of whatever service; no request is made.

        Raises:
            InvalidRequestError: The job is malformed, its service or profile unknown, or no region is known.
        """
        ref = self._completed(ref_of(JobRef, job, self._services))
        if ref.service not in self._makers:
            raise self._unknown(ref.service)
        return self._makers[ref.service](ref, self._call_for(ref, ref))

    @overload
    def _runs_and_jobs(
        self, targets: RunLike | JobLike | Iterable[RunLike | JobLike]
    ) -> tuple[list[tuple[Handle, str]], list[Handle]]: ...
    @overload
    def _runs_and_jobs(
        self, targets: RunLike | JobLike | Iterable[RunLike | JobLike] | AsyncIterable[JobLike]
    ) -> tuple[list[tuple[Handle, str]], list[Handle] | AsyncIterable[JobLike]]: ...
    def _runs_and_jobs(
        self, targets: RunLike | JobLike | Iterable[RunLike | JobLike] | AsyncIterable[JobLike]
    ) -> tuple[list[tuple[Handle, str]], list[Handle] | AsyncIterable[JobLike]]:
        """Return the runs that are named, and the jobs."""
        if isinstance(targets, AsyncIterable):
            return [], targets
        runs: list[tuple[Handle, str]] = []
        jobs: list[Handle] = []
        for target in each_of("targets", targets, "runs and jobs"):
            if isinstance(getattr(target, "ref", target), RunRef) or self._names_run(target):
                ref = ref_of(RunRef, target, self._services)
                runs.append((self.handle(ref.job), ref.run_id))
            else:
                jobs.append(self.handle(target))
        return runs, jobs

    def _names_run(self, target: object) -> bool:
        with suppress(InvalidRequestError):
            return isinstance(target, str) and bool(RunRef.parse(target, services=self._services))
        return False

    def _place(self, service: str, region: str | None, profile: str | None) -> JobRef:
        """Return a reference of a service in a region, with a profile, of no job in particular."""
        return self._completed(JobRef(service, ("-",) * len(self._entries[service].names or "-"), region, profile))

    def _unknown(self, service: str) -> InvalidRequestError:
        known = ", ".join(self._entries)
        return InvalidRequestError(f"unknown service {service!r:.80}, known are {known}")

    def _completed(self, ref: JobRef) -> JobRef:
        """Return a reference with its region, having checked that its profile is known."""
        region = self._region_for(ref, ref.region, ref.profile)
        return JobRef(ref.service, ref.path, region, ref.profile, job_name=ref.job_name)

    def _region_for(self, what: object, region: str | None, profile: str | None) -> str:
        """Return a region, by default the client's or the session's, having checked that the profile is known."""
        session = self._connections.session(profile)
        region = region or self._region_name or region_of(session)
        if region is None:
            raise InvalidRequestError(
                f"no region is known for {what}: say it in the reference ('...?region=eu-west-1'), as the client's "
                "region_name=, in AWS_DEFAULT_REGION, or in the profile's configuration"
                + (" (botocore does not read AWS_REGION, which is set)" if "AWS_REGION" in environ else "")
            )
        return region

    async def _account_of(self, ref: JobRef) -> str | None:
        return await self._transport.account(ref.service, ref.region, ref.profile)

    def _call_for(self, place: JobRef, job: JobRef | None = None) -> Call:
        return partial(self._transport.call, region=place.region, profile=place.profile, job=job)
