"""Runs over time and over many jobs, whatever their service."""
