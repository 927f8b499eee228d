"""EMR Serverless: job runs of applications."""
