"""Finding volumes: listing, filters, names, recoverability and the time left."""
