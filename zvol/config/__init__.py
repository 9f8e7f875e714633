"""The settings of zvol: options, environment, profiles, defaults, and the credentials among them."""
