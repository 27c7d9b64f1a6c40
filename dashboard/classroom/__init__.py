"""A class: the door through which people come in, and the page about it."""
