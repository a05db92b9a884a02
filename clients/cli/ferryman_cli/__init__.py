"""The operator's command line. It talks to a deployment with the operator's own AWS credentials."""
