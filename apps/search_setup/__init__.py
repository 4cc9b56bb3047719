"""Sets up a search engine for log events, and enforces their retention where the engine does not do it itself."""
