"""A conditional text GAN: noise and a rating in, text out, and a discriminator that learns against it."""
