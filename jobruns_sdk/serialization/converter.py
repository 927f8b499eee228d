"""The converter between public values and their JSON-safe form: strict, it coerces nothing."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from types import GenericAlias
from typing import Any, Final, cast, get_args, get_origin

import attrs
import msgspec
from cattrs import Converter, ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.model.logs import LogPlace
from jobruns_sdk.model.native import Native, plain_members, utc
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.runs import JobRun, StopOutcome
from jobruns_sdk.paging.page import Page
from jobruns_sdk.serialization.kinds import ERRORS, Kinds
from jobruns_sdk.times import exact

# What an error knows; three of them are known to some errors only.
_FACTS: Final[Mapping[str, Any]] = {
    "message": str,
    "service": str | None,
    "operation": str | None,
    "code": str | None,
    "request_id": str | None,
    "http_status": int | None,
    "retryable": bool,
    "sent": bool,
    "where": str,
    "run": JobRun[object] | None,
    "in_doubt": bool,
    "requests": int,
    "outcome": StopOutcome | None,
    "outcomes": tuple[StopOutcome, ...],
}
# What an error is told once it is made: the fate of its call, and the run whose wait it ended.
_FATE: Final = frozenset({"in_doubt", "requests", "run"})


@attrs.frozen
class _Named:
    """The members that name a run, in one string, and its job, where it has another name."""

    ref: RunRef
    job_name: str | None


class KindConverter(Converter):
    """A converter that knows the kinds which it converts."""

    def __init__(self, kinds: Kinds) -> None:
        super().__init__(forbid_extra_keys=True)
        self.kinds = kinds


@lru_cache(maxsize=16)
def converter(kinds: Kinds, *, secrets: bool = True) -> KindConverter:
    """Return the converter that writes members which may hold secrets, or leaves them out."""
    made = KindConverter(kinds)
    _register_writers(made, secrets=secrets)
    _register_readers(made)
    return made


def tagged(value: object, converter: KindConverter) -> dict[str, object]:
    """Return a value's JSON-safe form with its kind.

    Raises:
        InvalidRequestError: It is not a public value of this package.
    """
    kind, plain = converter.kinds.name_of(value), converter.unstructure(value)
    return {"kind": kind, **(plain if isinstance(plain, dict) else {"text": plain})}


def untagged(data: object, converter: KindConverter) -> object:
    """Return the value whose form that is, of the kind that it says.

    Raises:
        Exception: It is not such a form; which exceptions, cattrs, msgspec and the values decide.
    """
    members, kinds = dict(mapping(data)), converter.kinds
    name = members.pop("kind", None)
    match name:
        case str() if name in kinds.records:
            value: object = converter.structure(members, kinds.records[name])
            return value
        case str() if name in kinds.natives:
            return msgspec.convert(members, kinds.natives[name])
        case str() if name in kinds.text_kinds:
            return _text(kinds, members.get("text"), kinds.text_kinds[name])
        case str() if name in ERRORS:
            return _error(members, ERRORS[name], converter)
        case _:
            raise ValueError(f"unknown kind {name!r}")


def mapping(data: object) -> Mapping[str, object]:
    """Return the data if it is a dict.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"expected a dict, got {type(data).__name__}")
    return cast("Mapping[str, object]", data)


def _register_writers(made: KindConverter, *, secrets: bool) -> None:
    for text in made.kinds.texts:
        made.register_unstructure_hook(text, str)
    writes = made.register_unstructure_hook_func
    writes(lambda kind: kind is object, made.unstructure)
    writes(_is_a(datetime), datetime.isoformat)
    writes(_is_run, _run_writer(made))
    writes(_is_a(Native), lambda native: {"kind": made.kinds.name_of(native), **plain_members(native, secrets=secrets)})
    writes(_is_a(JobRunsError), lambda error: {"kind": made.kinds.name_of(error), **_facts(error, made)})
    writes(_is_a(Page), lambda page: {"items": [tagged(row, made) for row in page.items], "cursor": page.cursor})
    if not secrets:
        writes(_is_a(*made.kinds.secret), lambda _: {})
        writes(_is_a(LogPlace), lambda place: {**attrs.asdict(place), "url": None})


def _register_readers(made: KindConverter) -> None:
    for scalar in (str, bool, int, float):
        made.register_structure_hook(scalar, _scalar)
    for text in made.kinds.texts:
        made.register_structure_hook(text, partial(_text, made.kinds))
    made.register_structure_hook(datetime, _moment)
    made.register_structure_hook_factory(attrs.has, partial(_record, made))
    made.register_structure_hook_factory(_is_run, partial(_run_reader, made))
    reads = made.register_structure_hook_func
    reads(_is_sequence, lambda data, kind: _items(data, kind, made))
    reads(lambda kind: kind is JobRunsError, lambda data, _: untagged(data, made))
    reads(lambda kind: kind is object, lambda data, _: None if data is None else untagged(data, made))


def _is_a(*kinds: type) -> Callable[[object], bool]:
    return lambda kind: isinstance(kind, type) and issubclass(kind, kinds)


def _is_run(kind: object) -> bool:
    return (get_origin(kind) or kind) is JobRun


def _is_sequence(kind: object) -> bool:
    return get_origin(kind) in {tuple, Sequence}


def _facts(error: JobRunsError, made: KindConverter) -> dict[str, object]:
    known = {name: getattr(error, name) for name in _FACTS if hasattr(error, name)}
    if "run" not in vars(error):
        del known["run"]  # it ended no wait
    return {name: made.unstructure(fact) for name, fact in known.items()}


def _error(members: Mapping[str, object], kind: type[JobRunsError], made: KindConverter) -> JobRunsError:
    strange = members.keys() - _FACTS
    if strange:
        raise TypeError(f"unknown {', '.join(sorted(strange))}")
    facts = {name: made.structure(fact, _FACTS[name]) for name, fact in members.items()}
    error = kind(**{name: fact for name, fact in facts.items() if name not in _FATE})
    vars(error).update((name, facts[name]) for name in _FATE & facts.keys())
    return error


def _run_writer(made: KindConverter) -> Callable[[JobRun[object]], dict[str, object]]:
    write = make_dict_unstructure_fn(JobRun[object], made, job=override(omit=True), id=override(omit=True))

    def write_run(run: JobRun[object]) -> dict[str, object]:
        # On Glue the name is the reference's own.
        is_known = run.job_name is None or run.job_name in run.job.path
        named = {} if is_known else {"job_name": run.job_name}
        return {"ref": str(run.ref), **named, **write(run)}

    return write_run


def _run_reader(made: KindConverter, kind: type[JobRun[object]]) -> Callable[[object, object], object]:
    read = _record(made, kind)

    def read_run(data: object, _: object) -> object:
        members = dict(mapping(data))
        named = made.structure({"ref": members.pop("ref", None), "job_name": members.pop("job_name", None)}, _Named)
        strange = members.keys() & {"job", "id"}
        if strange:
            raise ForbiddenExtraKeysError(None, kind, strange)
        job, name = named.ref.job, named.job_name
        job = job if name is None else attrs.evolve(job, job_name=name)
        return read({**members, "job": job, "id": named.ref.run_id}, kind)

    return read_run


def _record(made: KindConverter, kind: type[object]) -> Callable[[object, object], object]:
    read: Callable[[Mapping[str, object], type[object]], object] = make_dict_structure_fn(kind, made)
    return lambda data, _: read(mapping(data), kind)


def _scalar(data: object, kind: type) -> object:
    if kind is float and type(data) is int:
        return float(data)
    if type(data) is not kind:
        raise TypeError(f"expected {kind.__name__}, got {type(data).__name__}")
    return data


def _text(kinds: Kinds, data: object, kind: type) -> object:
    return data if isinstance(data, kind) else kinds.texts[kind](cast("str", _scalar(data, str)))


def _moment(data: object, _: object) -> datetime:
    moment = datetime.fromisoformat(data) if isinstance(data, str) else data
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise ValueError("expected a time with its offset, such as 2026-11-21T02:00:00+00:00")
    return exact(utc(moment) or moment)


def _items(data: object, kind: object, made: KindConverter) -> tuple[object, ...]:
    if not isinstance(data, (list, tuple)):
        raise TypeError(f"expected a list, got {type(data).__name__}")
    # What cattrs itself reads as a list may be any iterable, a string too.
    return tuple(made.structure(cast("Sequence[object]", data), cast("Any", GenericAlias(list, get_args(kind)[:1]))))
