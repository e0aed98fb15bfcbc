"""The paper's game: payoffs, mixtures, sides and what each side minimises."""
