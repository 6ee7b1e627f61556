"""How exact activations and losses are: `measure` against `exact`, arbitrary precision."""
