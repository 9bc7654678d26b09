"""The whole example, lived through: what the README promises, tried from outside and at the API."""
