"""Public values to JSON-safe dicts and back: for JSON lines, queues, databases and checkpoints."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from cattrs import BaseValidationError, ClassValidationError, ForbiddenExtraKeysError, IterableValidationError

from jobruns_sdk.checks import check_flag
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.native import fault_and_place
from jobruns_sdk.serialization.converter import converter, mapping, tagged, untagged
from jobruns_sdk.serialization.kinds import kinds_with
from jobruns_sdk.services.registry import Adapter

_VERSION: Final = 1


def to_dict(value: object, *, secrets: bool = True, adapters: Mapping[str, Adapter] | None = None) -> dict[str, object]:
    """Return a value as a dict that JSON can hold.

    Its ``kind`` says what it is: ``"JobRun"``, or ``"glue.JobRun"`` for a service's own structure. Times are ISO 8601
    text with their offset, references their text form. A run's ``native`` goes with it, and with that what may hold
    passwords and queries: Glue's ``Arguments``, EMR Serverless's ``jobDriver``, all that never shows in a ``repr``.

    Args:
        value: A run, attempt, job, reference, page, error or whatever else this package hands out as a value.
        secrets: Whether members that may hold secrets are written too.
        adapters: Services from outside, as ``JobRunsClient`` takes them: the structures that their entries name.

    Raises:
        InvalidRequestError: It is not such a value, or ``secrets`` is not a bool.
    """
    check_flag("secrets", secrets)
    members = tagged(value, converter(kinds_with(adapters), secrets=secrets))
    return {"kind": members.pop("kind"), "version": _VERSION, **members}


def from_dict(data: Mapping[str, object], *, adapters: Mapping[str, Adapter] | None = None) -> object:
    """Return the value that ``to_dict`` made a dict of.

    Nothing is coerced: a number is not a string, and None only where a value may be None.

    Args:
        data: The dict.
        adapters: Services from outside, as ``to_dict`` took them.

    Raises:
        InvalidRequestError: It is not such a dict, or one of a later version; the message names each wrong place.
    """
    kinds = kinds_with(adapters)
    try:
        members = dict(mapping(data))
        version = members.pop("version", _VERSION)
        if version != _VERSION:
            raise InvalidRequestError(f"only version {_VERSION} can be read, got {version!r}")
        return untagged(members, converter(kinds))
    except (BaseValidationError, ForbiddenExtraKeysError, ValueError, TypeError, RecursionError) as error:
        raise InvalidRequestError("; ".join(_faults(error, "$"))) from error


def _faults(error: BaseException, where: str) -> Iterator[str]:
    match error:
        case ClassValidationError():
            located, others = error.group_exceptions()
            for inner, note in located:
                yield from _faults(inner, f"{where}.{note.name}")
            for inner in others:
                yield from _faults(inner, where)
        case IterableValidationError():
            for inner, item in error.group_exceptions()[0]:
                yield from _faults(inner, f"{where}[{item.index}]")
        case ForbiddenExtraKeysError():
            yield f"{where}: unknown {', '.join(sorted(error.extra_fields))}"
        case KeyError():
            yield f"{where}: is missing"
        case msgspec.ValidationError():
            fault, place = fault_and_place(str(error))
            yield f"{where}{place.removeprefix('$')}: {fault}"
        case _:
            yield f"{where}: {error}"
