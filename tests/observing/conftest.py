"""The event loop of these tests tells virtual time, as those of waiting have it."""

from tests.transport.looptime import loop_time

__all__ = ["loop_time"]
