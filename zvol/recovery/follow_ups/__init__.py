"""Follow-ups of a recovered volume: creates its user tags and attaches it to its VM."""
