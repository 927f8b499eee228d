"""Response bodies made up from botocore's shapes: what a model allows, in every form that the wire knows."""

import json
import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Final, TypeAlias

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from tests.truth.drift.gaps import EXCEPTED

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"

# Each form with the share of optional members that it holds.
_FORMS: Final = {"required": 0.0, "some": 0.5, "all": 1.0, "null": 1.0, "unknown": 1.0}
_TEXT: Final = string.ascii_letters + string.digits + ' -_/:.,"\\\n\t\x00\x7fäß€語🦆\u2028'
_INTEGERS: Final = (0, 1, -1, 5, 2**31 - 1)
_LONGS: Final = (*_INTEGERS, 2**53 + 1, 2**63 - 1)
_DOUBLES: Final = (0, 1, 0.0625, 10.0, 1e-9, 1e300)
_DEEPEST: Final = 4
_YEAR_2100: Final = 4_102_444_800


def bodies(shape: StructureShape, random: Random, count: int) -> Iterator[bytes]:
    """Yield ``count`` bodies of a shape, each form as often as any other."""
    forms = list(_FORMS)
    for number in range(count):
        body = _Maker(random, forms[number % len(forms)]).structure(shape, 0)
        yield json.dumps(body, ensure_ascii=random.random() < 0.5).encode()


class _Maker:
    def __init__(self, random: Random, form: str) -> None:
        self.random = random
        self.form = form
        self.scalars = {
            "boolean": lambda: random.random() < 0.5,
            "double": lambda: random.choice((*_DOUBLES, random.random(), random.uniform(0, 1e6))),
            "integer": lambda: random.choice(_INTEGERS),
            "long": lambda: random.choice(_LONGS),
            "timestamp": self._timestamp,
        }

    def structure(self, shape: StructureShape, depth: int) -> dict[str, Json]:
        if getattr(shape, "is_tagged_union", False):
            return self._union(shape, depth)
        members = {name: member for name, member in shape.members.items() if (shape.name, name) not in EXCEPTED}
        made = {
            name: self._value(member, depth + 1)
            for name, member in members.items()
            if name in shape.required_members or self.random.random() < _FORMS[self.form]
        }
        if self.form == "null":
            made |= dict.fromkeys(self.random.sample(list(members), k=len(members) // 2))
        if self.form == "unknown":
            made |= {f"tomorrow{number}": self._unknown(depth) for number in range(self.random.randint(1, 3))}
        return made

    def _union(self, shape: StructureShape, depth: int) -> dict[str, Json]:
        chosen = self.random.choice(list(shape.members))
        others = [name for name in shape.members if name != chosen and self.form == "null"]
        return {**dict.fromkeys(others), chosen: self._value(shape.members[chosen], depth + 1)}

    def _value(self, shape: Shape, depth: int) -> Json:
        count = 0 if depth > _DEEPEST else self.random.choice((0, 1, 1, 2, 3))
        if isinstance(shape, StructureShape):
            return self.structure(shape, depth)
        if isinstance(shape, ListShape):
            return [self._value(shape.member, depth + 1) for _ in range(count)]
        if isinstance(shape, MapShape):
            return {self._text(): self._value(shape.value, depth + 1) for _ in range(count)}
        if isinstance(shape, StringShape):
            return self.random.choice(("", "null", "TOMORROW", self._text(), *shape.enum))
        return self.scalars[shape.type_name]()

    def _text(self) -> str:
        return "".join(self.random.choices(_TEXT, k=self.random.choice((1, 5, 20, 300))))

    def _timestamp(self) -> Json:
        second = self.random.randint(0, _YEAR_2100)
        millisecond, microsecond = self.random.randint(0, 999), self.random.randint(0, 999_999)
        offset = timezone(timedelta(minutes=self.random.randint(-840, 840)))
        moment = datetime.fromtimestamp(second, offset)
        numbers = (second + millisecond / 1000, second, second + microsecond / 1_000_000)
        texts = (
            f"{second}.{millisecond:03}",
            moment.replace(microsecond=microsecond).isoformat(),
            moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        return self.random.choice((*numbers, numbers[0], numbers[0], *texts))

    def _unknown(self, depth: int) -> Json:
        if depth > _DEEPEST:
            return None
        inner = self._unknown(depth + 1)
        return self.random.choice((None, 1.5, self._text(), [], {}, [inner], {"state": inner}))
