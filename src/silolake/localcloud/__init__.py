"""A cloud on the laptop that denies like AWS and computes like Athena.

Read in this order: ``gateway`` (one request from the wire to its answer), ``call`` (what an engine is handed),
``authorize`` (who may), ``engines`` (what is played). ``cloud.LocalCloud`` is what holds it together.
Production code never imports this package; it is reached from the command line, the pytest plugin and the demo.
"""
