"""Compares the paper's tables and figures with a store's runs: `make results` writes RESULTS.md."""
