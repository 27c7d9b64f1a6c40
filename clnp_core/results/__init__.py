"""The paper's tables and figures beside what a store's runs came to: `make results` writes RESULTS.md."""
