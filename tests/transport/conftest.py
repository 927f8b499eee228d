from tests.transport.looptime import loop_time

__all__ = ["loop_time"]
