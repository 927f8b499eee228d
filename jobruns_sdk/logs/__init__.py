"""The lines that runs wrote: found in CloudWatch Logs and S3, read to their end, and followed while runs go on."""
