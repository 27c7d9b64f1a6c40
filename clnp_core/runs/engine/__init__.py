"""The engine, which works on runs in the background, and the code that its workers run."""
