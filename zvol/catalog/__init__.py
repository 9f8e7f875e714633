"""Finds volumes and VMs: listing, filters, names, recoverability and the time left."""
