"""What the fuzzer begins with, and what it has found: each input keeps its promise."""

from typing import Final

import pytest

from tests.dangers.fuzz.targets import TARGETS

FOUND: Final = {
    "cursors": [
        b'\x00["runs of emr-serverless:00f1",{"states":["FAILED"]},{"":[null,null,false,[]]}]',
        b'\x04["runs of glue:etl",{},{"":["2",["a","2026-11-20T00:00:00"],true,["jr_0_attempt_1"]]}]',
        b'\x05["attempts of glue:etl/jr_0",{},{"":["jr_0_attempt_999999999",["1",null],true,[]]}]',
        b'\x00["runs of emr-serverless:00f1",{},{},' + b"[" * 100_000,
    ],
    "glue": [b'\x00{"JobRuns":[{"Id":"r","MaxCapacity":1,"ExecutionTime":' + b"9" * 400 + b"}]}"],
}


@pytest.mark.parametrize("name", TARGETS)
def test_an_input_to_begin_with(name: str) -> None:
    target = TARGETS[name]()

    assert target.seeds
    for data in [*target.seeds, *FOUND.get(name, []), b"", b"\xff", b"\x00{"]:
        target.run(data)
