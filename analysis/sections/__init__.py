"""The sections of the report's page: each a module, whose functions give HTML from a Context."""
