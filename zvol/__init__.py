"""zvol recovers deleted data volumes and destroyed VMs on a ZStack cloud."""

__version__ = "0.1.0"
