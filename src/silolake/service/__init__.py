"""The service of a workspace: a Git remote whose pushes are applied, schedules, and the watch for joins and deliveries.

One process beside the local cloud, or beside any AWS endpoint; it changes the lake by one piece of work at a time.
"""
