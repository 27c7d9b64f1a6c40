"""What several pages show and ask."""
