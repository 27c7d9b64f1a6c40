"""What pages, the command line and Python ask of a store."""
