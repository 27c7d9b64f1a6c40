"""What was asked for, and what came of it."""
