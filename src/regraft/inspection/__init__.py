"""What each layer of a network sees, on the user's own images, before and after training."""
