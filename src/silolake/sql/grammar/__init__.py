"""Reading statements: tokens, and the grammars of Trino and Hive as Athena uses them."""
