"""Recovers one volume, or ten thousand, exactly once."""
