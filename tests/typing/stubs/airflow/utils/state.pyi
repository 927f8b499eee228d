from enum import StrEnum

class TaskInstanceState(StrEnum):
    DEFERRED = "deferred"
    RUNNING = "running"
    SUCCESS = "success"
