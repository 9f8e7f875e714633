"""The journal, which survives a kill: runs, intents, claims and locks."""
