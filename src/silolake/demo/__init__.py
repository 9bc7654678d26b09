"""The example, told from the beginning: real data, four silos, one question across them, and who may not ask it."""
