"""Code that all HTTP endpoints share: middleware, errors, base classes of views, and the OpenAPI document."""
