"""Where zvol's settings come from: options, environment, profiles."""
