"""The derivative of VGG-M's features by its input, and the products with it that eq. 5 needs."""
