"""Components with one fault each, and whole ones beside them."""
