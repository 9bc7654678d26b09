"""What is measured of silolake, each beside the goal it is held to. ``make bench`` runs it."""
