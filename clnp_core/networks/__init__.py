"""Networks as data, their partition into owners, and the narrow networks cut out of them."""
