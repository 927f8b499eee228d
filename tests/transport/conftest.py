from tests.transport.environment import no_aws_environment, one_authority
from tests.transport.looptime import loop_time

__all__ = ["loop_time", "no_aws_environment", "one_authority"]
