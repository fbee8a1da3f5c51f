"""Conditional text GAN: noise and a rating as input, a text as output."""
