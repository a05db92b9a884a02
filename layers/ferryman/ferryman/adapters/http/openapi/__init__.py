"""The OpenAPI 3.1 document, one module per group of routes: their models, and what they ask and answer."""
