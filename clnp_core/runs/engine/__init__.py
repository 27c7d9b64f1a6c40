"""The background process that works on runs, and what it has done on workers."""
