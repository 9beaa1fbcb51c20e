"""How the embedded backbone was made: pack a folder of labelled images, train on it, export."""
