"""How fast the parts are, measured side by side with what they are compared to."""
