"""Networks: cores, heads, and the language model that joins them."""
