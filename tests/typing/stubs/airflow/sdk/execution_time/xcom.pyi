from typing import Any

class XCom:
    @classmethod
    def get_value(cls, *, ti_key: Any, key: str) -> Any: ...
