"""How far the images lie from what a network was trained on."""
