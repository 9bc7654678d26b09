"""The example's data and its course: the flights of New York in 2013, as three airports and a registry deliver them."""
