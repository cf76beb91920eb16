"""Activities: fetch, delegate to a service, translate the error."""
