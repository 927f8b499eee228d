"""The way to AWS: the only part that knows aiobotocore, and the only place that retries."""
