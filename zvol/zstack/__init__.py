"""How ZStack talks: transport, classifier, client."""
