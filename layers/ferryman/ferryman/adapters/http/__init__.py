"""HTTP as API Gateway hands it over: bodies in, answers and problems out."""
