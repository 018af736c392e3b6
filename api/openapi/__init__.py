"""The OpenAPI 3.1 document, derived from the routes themselves."""

from api.openapi.controller import Described, OpenAPIController
from api.openapi.document import document

__all__ = ["Described", "OpenAPIController", "document"]
