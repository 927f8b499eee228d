"""The synchronous face has what the asynchronous one has, with the same arguments."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol, get_type_hints

import pytest

import jobruns_sdk
from jobruns_sdk import hints, sync
from jobruns_sdk.paging import pages as paging
from jobruns_sdk.runs import listening
from jobruns_sdk.services import datazone, emr_serverless, glue
from jobruns_sdk.services import handle as ports


class EveryCapability(ports.Follows, ports.ListsAttempts, ports.DescribesJob, ports.Stops, Protocol):
    """The most that the handle of an adapter can do."""


FACES: Final = [
    (jobruns_sdk.JobRunsClient, sync.JobRunsClient),
    (glue.GlueJob, sync.GlueJob),
    (emr_serverless.EmrServerlessApplication, sync.EmrServerlessApplication),
    (datazone.DataZoneJob, sync.DataZoneJob),
    (EveryCapability, sync.Handle),
    (paging.Pages, sync.Pages),
    (paging.Walk, sync.Walk),
    (listening.Listening, sync.Listening),
]
RENAMED: Final = {"aclose": "close", "__aenter__": "__enter__", "__aexit__": "__exit__", "__aiter__": "__iter__"} | {
    "__anext__": "__next__"
}
# What the parts of the client ask of a handle when they poll, and of pages when they merge them.
INTERNAL: Final = {
    *("polling", "survey", "active", "attempt_rows", "facts", "ask_to_stop", "plan", "sources"),
    *("attempt_logs", "attempt_of", "spot_before", "full_attempts", "attempt_rows_since", "run_of_attempts"),
}


def public(kind: type) -> Iterable[str]:
    bases = [base for base in kind.__mro__[:-1] if base.__module__ != hints.__name__]  # what refuses first mistakes
    own = (name for base in bases for name in vars(base))
    return sorted({name for name in own if not name.startswith("_") or name in RENAMED} - INTERNAL)


MEMBERS: Final = [
    pytest.param(asynchronous, synchronous, name, id=f"{asynchronous.__name__}.{name}")
    for asynchronous, synchronous in FACES
    for name in public(asynchronous)
]


def parameters(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    """The names, kinds and defaults of what a function takes, those of a TypedDict one by one."""
    found: list[tuple[str, Any, Any]] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            options = get_type_hints(function)[parameter.name].__args__[0]
            found += [(name, inspect.Parameter.KEYWORD_ONLY, ...) for name in get_type_hints(options)]
        else:
            found.append((parameter.name, parameter.kind, parameter.default))
    return sorted(found, key=lambda one: (str(one[1]), one[0]))


@pytest.mark.parametrize(("asynchronous", "synchronous", "name"), MEMBERS)
def test_it_is_there_and_takes_the_same(asynchronous: type, synchronous: type, name: str) -> None:
    ours, theirs = getattr(synchronous, RENAMED.get(name, name), None), getattr(asynchronous, name, None)
    if not callable(theirs):
        assert name == "ref" or isinstance(ours, property)
        assert ours is not None or name == "ref"
        return
    assert callable(ours)
    assert not inspect.iscoroutinefunction(ours)
    assert ours.__doc__ or name.startswith("__")
    taken, expected = parameters(ours), parameters(theirs)
    # An option that stands in a TypedDict is left out where it is not given: its default is the other's.
    options = {one for one, _, default in taken if default is ...}
    assert taken == [(one, kind, ... if one in options else default) for one, kind, default in expected]


def test_the_client_is_made_with_the_same_arguments() -> None:
    assert inspect.signature(sync.JobRunsClient) == inspect.signature(jobruns_sdk.JobRunsClient)


@pytest.mark.parametrize(("asynchronous", "synchronous"), FACES)
def test_nothing_is_there_that_the_other_face_lacks(asynchronous: type, synchronous: type) -> None:
    more = {"bridge", "carried", "stream", "close"}
    renamed = {RENAMED.get(name, name) for name in public(asynchronous)}
    assert set(public(synchronous)) - renamed - more == set()
