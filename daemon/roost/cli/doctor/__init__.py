"""What `roost doctor` looks at: the surroundings, and each layer by which a daemon is known (S7)."""
