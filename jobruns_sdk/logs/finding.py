"""Finding the logs of a run: the streams (DescribeLogStreams) and objects (ListObjectsV2) that are there by now."""

import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import suppress
from html import unescape
from typing import Final
from urllib.parse import unquote_plus

import msgspec

from jobruns_sdk.errors import AccessDeniedError, NotFoundError
from jobruns_sdk.logs.operations import DESCRIBE_LOG_STREAMS, LIST_OBJECTS
from jobruns_sdk.model.logs import LogPlace, LogSource
from jobruns_sdk.services.logs import LogFile, LogFolder
from jobruns_sdk.transport.operation import Call

# The members of ListObjectsV2's answer that are needed, https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html:
# no XML parser is let near what comes from the network.
_KEY: Final = re.compile(r"<Contents>.*?<Key>([^<]*)</Key>.*?</Contents>", re.DOTALL)
_MORE: Final = re.compile(r"<NextContinuationToken>([^<]*)</NextContinuationToken>")
_URL_ENCODED: Final = "<EncodingType>url</EncodingType>"  # which botocore asks for
_BY_NUMBERS: Final = re.compile(r"\d+")


class Found(msgspec.Struct, frozen=True):
    """A log that is there.

    Attributes:
        folder: Where it lies.
        name: The stream, or the object's key.
        file: What it is.
    """

    folder: LogFolder
    name: str
    file: LogFile

    @property
    def place(self) -> LogPlace:
        """The same for users."""
        folder, file = self.folder, self.file
        if folder.kind == "s3":
            uri = f"s3://{folder.group}/{self.name}"
            return LogPlace("s3", file.attempt, file.source, uri=uri, why=folder.why)
        return LogPlace("cloudwatch", file.attempt, file.source, folder.group, self.name, why=folder.why)


def nothing_in(folder: LogFolder, attempt: int) -> LogPlace:
    """Return the place where nothing was found, for users."""
    why = f"{folder.why}; nothing of the run was found there"
    if folder.kind == "s3":
        return LogPlace("s3", attempt, uri=str(folder), why=why)
    return LogPlace("cloudwatch", attempt, group=folder.group, why=why)


class Finder:
    """Finds the logs of one attempt.

    Attributes:
        others: The sources of logs that were found and not wanted, for an error that says so.
    """

    def __init__(self, call: Call, folders: Sequence[LogFolder], attempt: int, wanted: Collection[LogSource]) -> None:
        """Begin with nothing found.

        Args:
            call: Calls the services.
            folders: Where to look: what is found in an earlier one is not looked for in later ones.
            attempt: The attempt's number.
            wanted: The sources that are wanted.
        """
        self.folders: Sequence[LogFolder] = [one for one in folders if not one.sources.isdisjoint(wanted)]
        self.others: set[LogSource] = set()
        self._others = [one for one in folders if one.sources.isdisjoint(wanted)]
        self._call = call
        self._attempt = attempt
        self._wanted = wanted
        self._claimed: dict[str, LogFolder] = {}
        self._denied: dict[int, AccessDeniedError] = {}

    async def look(self, folder: LogFolder) -> list[Found]:
        """Return what is new in a folder, in the order of names with their numbers as numbers.

        Raises:
            AccessDeniedError: Whatever there is to be looked into must not be.
        """
        found: list[Found] = []
        try:
            async for one in each_in(self._call, folder):
                if one.file.attempt != self._attempt:
                    continue
                if one.file.source not in self._wanted:
                    self.others.add(one.file.source)
                elif one.file.key not in self._claimed:
                    self._claimed[one.file.key] = folder
                    found.append(one)
        except AccessDeniedError as error:
            # Of the groups that a run may log to, a policy may leave out those that it does not.
            self._denied[id(folder)] = error
            if len(self._denied) == len(self.folders):
                raise
        return sorted(found, key=lambda one: _in_order(one.name))

    async def all(self) -> list[Found]:
        """Return what is new in all folders."""
        return [one for folder in self.folders for one in await self.look(folder)]

    async def look_elsewhere(self) -> None:
        """Look what there is of sources that are not wanted, as far as that may be looked at."""
        for folder in self._others:
            with suppress(AccessDeniedError):
                async for one in each_in(self._call, folder):
                    if one.file.attempt == self._attempt:
                        self.others.add(one.file.source)

    def has_found(self, folder: LogFolder | None = None) -> bool:
        """Return whether anything was found that was wanted, in a folder, or anywhere."""
        return any(folder in (None, one) for one in self._claimed.values())


async def each_in(call: Call, folder: LogFolder) -> AsyncIterator[Found]:
    """Yield the logs in a folder; none where the log group or the bucket is not there (yet)."""
    names = _keys(call, folder) if folder.kind == "s3" else _streams(call, folder)
    try:
        async for name in names:
            if (file := folder.file_of(name)) is not None:
                yield Found(folder, name, file)
    except NotFoundError:
        return


async def _streams(call: Call, folder: LogFolder) -> AsyncIterator[str]:
    asked: Mapping[str, object] = {"logGroupName": folder.group, "logStreamNamePrefix": folder.prefix}
    token: str | None = None
    while True:
        more = {} if token is None else {"nextToken": token}
        answer = DESCRIBE_LOG_STREAMS.read(await call(DESCRIBE_LOG_STREAMS, {**asked, **more}))
        for stream in answer.logStreams or ():
            if stream.logStreamName:
                yield stream.logStreamName
        if answer.nextToken in (None, token):
            return
        token = answer.nextToken


async def _keys(call: Call, folder: LogFolder) -> AsyncIterator[str]:
    token: str | None = None
    while True:
        more = {} if token is None else {"ContinuationToken": token}
        reply = await call(LIST_OBJECTS, {"Bucket": folder.group, "Prefix": folder.prefix, **more})
        text = reply.body.decode("utf-8", "replace")
        if "<ListBucketResult" not in text:
            raise LIST_OBJECTS.malformed("the answer is not a list of objects", "$", reply)
        for found in _KEY.finditer(text):
            yield unquote_plus(unescape(found[1])) if _URL_ENCODED in text else unescape(found[1])
        following = _MORE.search(text)
        if following is None or unescape(following[1]) == token:
            return
        token = unescape(following[1])


def _in_order(name: str) -> tuple[str, list[int]]:
    return _BY_NUMBERS.sub("0", name), [int(number) for number in _BY_NUMBERS.findall(name)]
