from typing import Any

class TaskInstance:
    def __getattr__(self, name: str) -> Any: ...
