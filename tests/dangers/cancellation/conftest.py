from tests.transport.environment import no_aws_environment, one_authority

__all__ = ["no_aws_environment", "one_authority"]
