"""A cart and a price list."""
