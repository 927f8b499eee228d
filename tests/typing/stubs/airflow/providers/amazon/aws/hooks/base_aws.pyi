from typing import Any, Generic, TypeVar

from botocore.config import Config

class AwsConnectionWrapper:
    conn_id: Any
    endpoint_url: str | None
    botocore_config: Config | None
    extra_config: dict[str, Any]
    def get_service_config(self, service_name: str) -> dict[str, Any]: ...
    def __bool__(self) -> bool: ...

_T = TypeVar("_T")

class AwsGenericHook(Generic[_T]):
    def __init__(
        self,
        aws_conn_id: str | None = ...,
        verify: bool | str | None = None,
        region_name: str | None = None,
        client_type: str | None = None,
        resource_type: str | None = None,
        config: Config | dict[str, Any] | None = None,
    ) -> None: ...
    @property
    def conn_config(self) -> AwsConnectionWrapper: ...
    @property
    def region_name(self) -> str | None: ...
    @property
    def verify(self) -> bool | str | None: ...
    def get_session(self, region_name: str | None = None, deferrable: bool = False) -> Any: ...
