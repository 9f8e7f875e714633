"""The settings of zvol: options, environment, profiles, defaults, and credentials."""
