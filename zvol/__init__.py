"""zvol brings back deleted data volumes on a ZStack cloud."""

__version__ = "0.1.0"
