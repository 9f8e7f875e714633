"""What must outlast a kill: runs, intents, claims and locks."""
