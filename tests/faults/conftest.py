from tests.transport.environment import no_aws_environment

__all__ = ["no_aws_environment"]
