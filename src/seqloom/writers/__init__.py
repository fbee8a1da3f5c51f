"""Writers of samples that are no text: each turns a payload into the bytes of a file."""
