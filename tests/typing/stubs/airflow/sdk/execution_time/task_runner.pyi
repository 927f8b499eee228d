from typing import Any

class RuntimeTaskInstance:
    @staticmethod
    def get_task_states(
        dag_id: str,
        map_index: int | None = None,
        task_ids: list[str] | None = None,
        task_group_id: str | None = None,
        logical_dates: list[Any] | None = None,
        run_ids: list[str] | None = None,
    ) -> dict[str, Any]: ...
