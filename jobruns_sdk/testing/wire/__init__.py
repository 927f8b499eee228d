"""HTTP, protocols and pages of the local service."""
