"""Service-managed stack sets: a template in many accounts, deployed by units of the organization."""
