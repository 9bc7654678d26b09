"""Stacks: asked for, deployed resource by resource with a journal, read, changed by change sets."""
