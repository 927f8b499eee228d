"""The one loop for all lists."""
