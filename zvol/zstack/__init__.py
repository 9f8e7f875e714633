"""The ZStack API: transport, classifiers of answers, client, login."""
