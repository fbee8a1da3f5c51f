"""Features of whole texts, and small models of them."""
