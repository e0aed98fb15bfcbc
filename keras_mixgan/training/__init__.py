"""Training a mixture: steps, optimizers, checks, callbacks, sampling."""
