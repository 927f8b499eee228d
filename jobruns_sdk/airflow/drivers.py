"""The drivers and settings of EMR Serverless as mappings, whose texts Airflow renders, and back."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

import attrs
import msgspec

from jobruns_sdk.checks import hidden
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.native import Native, members_of
from jobruns_sdk.services.emr_serverless.start import HiveQuery, SparkSubmit

N = TypeVar("N", bound=Native)

_KINDS: Final[Mapping[str, type[SparkSubmit] | type[HiveQuery]]] = {"entry_point": SparkSubmit, "query": HiveQuery}


def plain_driver(driver: Any) -> Any:  # noqa: ANN401  # what a task was given, right or not
    """Return a driver as a mapping of its attributes; what is something else is left as it is."""
    if not isinstance(driver, (SparkSubmit, HiveQuery)):
        return driver
    members = {field.name: getattr(driver, field.name) for field in attrs.fields(type(driver))}
    return {name: list(value) if name == "arguments" else value for name, value in members.items()}


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def driver_of(value: Any) -> SparkSubmit | HiveQuery:  # noqa: ANN401  # as above
    """Return the driver that a mapping describes.

    Raises:
        InvalidRequestError: It is none, or one of its attributes is wrong.
    """
    if isinstance(value, (SparkSubmit, HiveQuery)):
        return value
    members: Mapping[str, Any] = value if _is_mapping(value) else {}
    kind = next((kind for name, kind in _KINDS.items() if name in members), None)
    if kind is None:
        raise InvalidRequestError(
            "driver must be a SparkSubmit, a HiveQuery, or a mapping of the attributes of one, such as "
            f"{{'entry_point': 's3://...'}}, got {hidden(value)}"
        )
    known = {field.name for field in attrs.fields(kind)}
    if unknown := sorted(map(str, members.keys() - known)):
        raise InvalidRequestError(f"driver has {', '.join(sorted(known))}, and not {', '.join(unknown):.200}")
    return kind(**members)


def plain_native(value: Any) -> Any:  # noqa: ANN401  # as above
    """Return a structure of the service as a mapping; what is something else is left as it is."""
    return members_of(value) if isinstance(value, Native) else value


def native_of(kind: type[N], name: str, value: object) -> N | None:
    """Return the structure of the service that a mapping describes, None for None.

    Raises:
        InvalidRequestError: A member is unknown or of a wrong type.
    """
    if value is None or isinstance(value, kind):
        return value
    try:
        made = msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"{name}: {error}") from None
    lost = _lost(value, members_of(made) or {}, name)
    if lost is not None:
        raise InvalidRequestError(f"{lost} is not a member of the request")
    return made


def _lost(given: object, made: object, place: str) -> str | None:
    """Return the place of a member that a structure does not have, None if it has all."""
    if isinstance(given, Mapping) and isinstance(made, Mapping):
        had = cast("Mapping[str, object]", made)
        for name, value in cast("Mapping[str, object]", given).items():
            inner = f"{place}.{name}"
            if value is None:
                continue
            if name not in had:
                return inner
            if (lost := _lost(value, had[name], inner)) is not None:
                return lost
    if isinstance(given, (list, tuple)) and isinstance(made, (list, tuple)):
        pairs = zip(cast("list[object]", given), cast("list[object]", made), strict=False)
        found = (_lost(one, other, f"{place}[{at}]") for at, (one, other) in enumerate(pairs))
        return next((lost for lost in found if lost is not None), None)
    return None
