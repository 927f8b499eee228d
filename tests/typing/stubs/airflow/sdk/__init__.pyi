from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from logging import Logger
from types import TracebackType
from typing import Any, ClassVar, NoReturn, NotRequired, ParamSpec, Self, TypedDict, TypeVar

from airflow.triggers.base import BaseTrigger

_P = ParamSpec("_P")
_R = TypeVar("_R")

class Context(TypedDict):
    dag_run: Any
    ds: str
    task_state_store: NotRequired[Any]
    ti: Any

class DAG:
    dag_id: str
    def __init__(
        self, dag_id: str, *, schedule: Any = None, start_date: datetime | None = None, **options: Any
    ) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

class XComArg:
    def __rshift__(self, other: Any) -> Any: ...

class MappedOperator:
    @property
    def output(self) -> XComArg: ...
    def __rshift__(self, other: Any) -> Any: ...

class OperatorPartial:
    def expand(self, **mapped: Any) -> MappedOperator: ...

class BaseOperator:
    template_fields: Sequence[str]
    operator_extra_links: Collection[BaseOperatorLink]
    ui_color: str
    task_id: str
    dag_id: str
    do_xcom_push: bool
    retries: int | None
    def __init__(
        self,
        *,
        task_id: str,
        retries: int | None = ...,
        retry_delay: timedelta | float = ...,
        execution_timeout: timedelta | None = ...,
        do_xcom_push: bool = ...,
        **options: Any,
    ) -> None: ...
    @property
    def log(self) -> Logger: ...
    @property
    def output(self) -> XComArg: ...
    @classmethod
    def partial(cls, *, task_id: str, **partial: Any) -> OperatorPartial: ...
    def execute(self, context: Context) -> Any: ...
    def on_kill(self) -> None: ...
    def defer(
        self,
        *,
        trigger: BaseTrigger,
        method_name: str,
        kwargs: dict[str, Any] | None = None,
        timeout: timedelta | float | None = None,
    ) -> NoReturn: ...
    def __rshift__(self, other: Any) -> Any: ...

class PokeReturnValue:
    is_done: bool
    xcom_value: Any
    def __init__(self, is_done: bool, xcom_value: Any | None = None) -> None: ...

class BaseSensorOperator(BaseOperator):
    mode: str
    poke_interval: float
    timeout: float
    def __init__(
        self,
        *,
        poke_interval: timedelta | float = ...,
        timeout: timedelta | float | None = ...,
        soft_fail: bool = ...,
        mode: str = ...,
        **options: Any,
    ) -> None: ...
    def poke(self, context: Context) -> bool | PokeReturnValue: ...

class BaseOperatorLink(ABC):
    operators: ClassVar[list[type[BaseOperator]]]
    name: ClassVar[str]
    @abstractmethod
    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str: ...

def task(function: Callable[_P, _R]) -> Callable[..., XComArg]: ...
