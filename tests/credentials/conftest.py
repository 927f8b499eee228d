from tests.transport.environment import no_aws_environment, one_authority
from tests.waiting.conftest import same_chances

__all__ = ["no_aws_environment", "one_authority", "same_chances"]
