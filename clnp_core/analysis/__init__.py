"""From a run to what a person looks at. Nothing here imports torch."""
