"""What is run by hand: fonts, and the training of the reader."""
