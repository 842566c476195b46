"""How any run is configured, seeded, saved, resumed, logged and shown."""
