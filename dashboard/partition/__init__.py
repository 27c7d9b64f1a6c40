"""The page Partition."""
