"""Networks in torch: cores, heads, and the language model that joins them."""
