"""AWS Glue: job runs and their retries."""
