"""The journal: runs, intents, claims and locks, kept on disk so that they survive a kill."""
