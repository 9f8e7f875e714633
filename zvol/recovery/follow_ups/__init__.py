"""What is done once a volume is recovered: its user tags are created, and it is attached to its VM."""
