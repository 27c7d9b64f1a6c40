"""Parts of a page that bring JavaScript of their own."""
