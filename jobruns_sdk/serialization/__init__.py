"""Public values to JSON-safe dicts and back."""

from jobruns_sdk.serialization.dicts import from_dict, to_dict

__all__ = ["from_dict", "to_dict"]
