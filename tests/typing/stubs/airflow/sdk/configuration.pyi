from typing import Any

class AirflowSDKConfigParser:
    def getboolean(self, section: str, key: str, *, fallback: Any = ...) -> bool: ...

conf: AirflowSDKConfigParser
