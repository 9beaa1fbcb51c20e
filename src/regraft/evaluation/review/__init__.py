"""What to look at in labelled images, in an order, and what a person said of it."""
