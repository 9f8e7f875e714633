"""The server of one run: its connections, and its session or access key."""
