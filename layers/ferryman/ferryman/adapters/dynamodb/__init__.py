"""DynamoDB: the stores, written once over a small language of operations in `operations`."""
