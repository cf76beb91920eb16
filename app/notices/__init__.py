"""Messages to people: template key, parameters, language, quiet hours."""
