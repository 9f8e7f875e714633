"""The server of one run: how it is connected to, and with which session or access key."""
