"""Where Keras's backends differ: gradients, inference, explicit state."""
