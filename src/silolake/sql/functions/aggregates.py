"""Aggregate and window functions, each with the DuckDB text that plays it.

https://trino.io/docs/current/functions/aggregate.html · https://trino.io/docs/current/functions/window.html
"""

from __future__ import annotations

AGGREGATES = r"""
count() -> bigint = «count|*»
count(T) -> bigint = «count|{0}»
count_if(boolean) -> bigint = CAST(«count_if|{0}» AS BIGINT)
min(T) -> T = «min|{0}»
max(T) -> T = «max|{0}»
min(T, bigint) -> array(T) = «min|{0}, {1}»
max(T, bigint) -> array(T) = «max|{0}, {1}»
min_by(T, K) -> T = «arg_min_null|{0}, {1}»
max_by(T, K) -> T = «arg_max_null|{0}, {1}»
min_by(T, K, bigint) -> array(T) = «arg_min|{0}, {1}, {2}»
max_by(T, K, bigint) -> array(T) = «arg_max|{0}, {1}, {2}»
arbitrary(T) -> T = «any_value|{0}»
any_value(T) -> T = «any_value|{0}»
array_agg(T) -> array(T) = «list|{0}»
bool_and(boolean) -> boolean = «bool_and|{0}»
bool_or(boolean) -> boolean = «bool_or|{0}»
every(boolean) -> boolean = «bool_and|{0}»
approx_distinct(T) -> bigint = «count|DISTINCT {0}»
approx_distinct(T, double) -> bigint = «count|DISTINCT {0}»
approx_percentile(bigint, double) -> bigint = «quantile_disc|{0}, {1}»
approx_percentile(real, double) -> real = «quantile_disc|{0}, {1}»
approx_percentile(double, double) -> double = «quantile_disc|{0}, {1}»
approx_percentile(bigint, array(double)) -> array(bigint) = «quantile_disc|{0}, {1}»
approx_percentile(double, array(double)) -> array(double) = «quantile_disc|{0}, {1}»
stddev(double) -> double = «stddev_samp|{0}»
stddev_samp(double) -> double = «stddev_samp|{0}»
stddev_pop(double) -> double = «stddev_pop|{0}»
variance(double) -> double = «var_samp|{0}»
var_samp(double) -> double = «var_samp|{0}»
var_pop(double) -> double = «var_pop|{0}»
corr(double, double) -> double = «corr|{0}, {1}»
covar_pop(double, double) -> double = «covar_pop|{0}, {1}»
covar_samp(double, double) -> double = «covar_samp|{0}, {1}»
regr_slope(double, double) -> double = «regr_slope|{0}, {1}»
regr_intercept(double, double) -> double = «regr_intercept|{0}, {1}»
geometric_mean(double) -> double = «geomean|{0}»
bitwise_and_agg(bigint) -> bigint = «bit_and|{0}»
bitwise_or_agg(bigint) -> bigint = «bit_or|{0}»
bitwise_xor_agg(bigint) -> bigint = «bit_xor|{0}»
histogram(T) -> map(T, bigint) = CAST(«histogram|{0}» AS MAP({0:type}, BIGINT))
map_agg(K, V) -> map(K, V) = trino_map_of(«list|{{k: {0}, v: {1}}}»)
multimap_agg(K, V) -> map(K, array(V)) = trino_multimap_of(«list|{{k: {0}, v: {1}}}»)
listagg(varchar) -> varchar = «string_agg|{0}, ''»
listagg(varchar, varchar) -> varchar = «string_agg|{0}, {1}»
"""

WINDOWS = r"""
row_number() -> bigint = «row_number|»
rank() -> bigint = «rank|»
dense_rank() -> bigint = «dense_rank|»
percent_rank() -> double = «percent_rank|»
cume_dist() -> double = «cume_dist|»
ntile(bigint) -> bigint = «ntile|{0}»
lag(T) -> T = «lag|{0}»
lag(T, bigint) -> T = «lag|{0}, {1}»
lag(T, bigint, T) -> T = «lag|{0}, {1}, {2}»
lead(T) -> T = «lead|{0}»
lead(T, bigint) -> T = «lead|{0}, {1}»
lead(T, bigint, T) -> T = «lead|{0}, {1}, {2}»
first_value(T) -> T = «first_value|{0}»
last_value(T) -> T = «last_value|{0}»
nth_value(T, bigint) -> T = «nth_value|{0}, {1}»
"""
