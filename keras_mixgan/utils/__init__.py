"""Files, JSON, names and pictures: what every room may use."""
