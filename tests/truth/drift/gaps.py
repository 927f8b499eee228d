"""The difference between a botocore model and what the package covers of it, as sentences that name it."""

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Annotated, Final, cast, get_args, get_origin, get_type_hints

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.model.native import Native, Secret
from tests.truth.drift.surface import Surface

# The graph of a visual job is a language of its own: 70 kinds of nodes, which no job run refers to.
EXCEPTED: Final = frozenset({("Job", "CodeGenConfigurationNodes")})

_MARK: Final[object] = get_args(Secret[str])[1]
_SCALARS: Final = {
    "boolean": "bool",
    "double": "float",
    "float": "float",
    "integer": "int",
    "long": "int",
    "string": "str",
    "timestamp": "datetime",
}


def gaps(surface: Surface, model: ServiceModel) -> list[str]:
    """Return everything that the model has and the native types and error codes lack or hold as something else."""
    seen: set[str] = set()
    found: list[str] = []
    for name, decoder in surface.decoders.items():
        operation = model.operation_model(name)
        if operation.output_shape is not None:
            found += _structure_gaps(operation.output_shape, cast("type[Native]", decoder.type), seen)
        found += _error_gaps(operation, surface.codes)
    return found


def state_gaps(surface: Surface, model: ServiceModel) -> list[str]:
    """Return the values of the service's state that its table of states does not translate."""
    values = model.shape_for(surface.state_shape).metadata["enum"]
    return [f"{surface.state_shape}: value {value} is not covered" for value in values if value not in surface.states]


def _error_gaps(operation: OperationModel, codes: Mapping[str, type[JobRunsError]]) -> Iterator[str]:
    for error in operation.error_shapes:
        code = error.metadata.get("error", {}).get("code", error.name)
        if code not in codes:
            yield f"{operation.name}: error {code} is not covered"


def _structure_gaps(shape: StructureShape, native: type[Native], seen: set[str]) -> Iterator[str]:
    if shape.name in seen:
        return
    seen.add(shape.name)
    hints = get_type_hints(native, include_extras=True)
    for member, member_shape in shape.members.items():
        if (shape.name, member) in EXCEPTED:
            continue
        place = f"{shape.name}.{member}"
        if member_shape.serialization.get("name", member) not in hints:
            yield f"{place} is not covered"
            continue
        hint = hints[member]
        if NoneType not in get_args(_bare(hint)):
            yield f"{place} must be optional"
        if _is_sensitive(member_shape) and not _is_secret(hint):
            yield f"{place} is sensitive and not Secret"
        yield from _kind_gaps(member_shape, hint, place, seen)


def _kind_gaps(shape: Shape, hint: object, place: str, seen: set[str]) -> Iterator[str]:
    wanted = _wanted(shape)
    kind = _without_none(hint)
    if _spelled(kind) != wanted:
        yield f"{place} must be held as {wanted}, not {_spelled(kind)}"
    elif isinstance(shape, ListShape):
        yield from _kind_gaps(shape.member, get_args(kind)[0], f"{place}[]", seen)
    elif isinstance(shape, MapShape):
        yield from _kind_gaps(shape.value, get_args(kind)[1], f"{place}{{}}", seen)
    elif isinstance(shape, StructureShape) and isinstance(kind, type) and issubclass(kind, Native):
        yield from _structure_gaps(shape, kind, seen)


def _wanted(shape: Shape) -> str:
    if isinstance(shape, ListShape):
        return f"tuple[{_wanted(shape.member)}, ...]"
    if isinstance(shape, MapShape):
        return f"dict[str, {_wanted(shape.value)}]"
    return _SCALARS.get(shape.type_name, shape.name)


def _spelled(hint: object) -> str:
    arguments = get_args(hint)
    if arguments:
        inner = ", ".join("..." if argument is ... else _spelled(argument) for argument in arguments)
        return f"{getattr(get_origin(hint), '__name__', hint)}[{inner}]"
    return hint.__name__ if isinstance(hint, type) else str(hint)


def _bare(hint: object) -> object:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _without_none(hint: object) -> object:
    bare = _bare(hint)
    others = [argument for argument in get_args(bare) if argument is not NoneType]
    return _bare(others[0]) if NoneType in get_args(bare) and len(others) == 1 else bare


def _is_secret(hint: object) -> bool:
    return get_origin(hint) is Annotated and _MARK in get_args(hint)


def _is_sensitive(shape: Shape) -> bool:
    parts: tuple[Shape, ...] = ()
    if isinstance(shape, ListShape):
        parts = (shape.member,)
    elif isinstance(shape, MapShape):
        parts = (shape.key, shape.value)
    return bool(shape.metadata.get("sensitive")) or any(_is_sensitive(part) for part in parts)
