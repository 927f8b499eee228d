"""AWS Batch: the jobs of a queue, as runs."""
