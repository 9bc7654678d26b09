"""The functions of Trino that are played, by name: the list that everything else is held against."""

from __future__ import annotations

from silolake.sql.functions import aggregates, scalars
from silolake.sql.functions.signatures import Overload, by_name

SCALARS = by_name(
    scalars.MATH, scalars.TEXT, scalars.REGULAR_EXPRESSIONS, scalars.JSON_FUNCTIONS, scalars.COLLECTIONS, scalars.DATES
)
AGGREGATES = by_name(aggregates.AGGREGATES)
WINDOWS = by_name(aggregates.WINDOWS)
ALIASES = scalars.ALIASES

# https://trino.io/docs/current/functions/list.html: what Athena has and the local cloud does not play.
_WANTING = """
    approx_most_frequent approx_set array_histogram bar beta_cdf bing_tile bit_count bitwise_left_shift
    bitwise_right_shift bitwise_right_shift_arithmetic checksum classify color combinations contains_sequence
    convex_hull_agg cosine_similarity crc32 empty_approx_set entropy
    evaluate_classifier_predictions features format format_number from_base from_big_endian_32 from_big_endian_64
    from_encoded_polyline from_geojson_geometry from_ieee754_32 from_ieee754_64 from_iso8601_timestamp_nanos
    from_unixtime_nanos geometry_from_text hash_counts hmac_md5 hmac_sha1 hmac_sha256 hmac_sha512
    human_readable_seconds inverse_beta_cdf inverse_normal_cdf intersection_cardinality jaccard_index
    json_array_contains kurtosis learn_classifier line_locate_point luhn_check make_set_digest map_zip_with merge
    merge_set_digest multimap_from_entries murmur3 ngrams normal_cdf numeric_histogram parse_data_size
    parse_duration parse_presto_data_size qdigest_agg quantile_at_value reduce_agg regexp_position render
    rgb sha512 shuffle simplify_geometry skewness soundex spatial_partitioning split_to_multimap spooky_hash_v2_32
    spooky_hash_v2_64 st_area st_asbinary st_astext st_contains st_distance st_geometryfromtext st_intersects
    st_point st_within tdigest_agg timezone to_big_endian_32 to_big_endian_64 to_geojson_geometry to_geometry
    to_ieee754_32 to_ieee754_64 to_milliseconds trim_array url_encode url_extract_parameter
    url_extract_port value_at_quantile values_at_quantiles version wilson_interval_lower wilson_interval_upper
    word_stem xxhash64 zip
"""
NOT_PLAYED = frozenset(_WANTING.split())


def is_aggregate(name: str) -> bool:
    """True for a function that makes one value of many rows."""
    return name in AGGREGATES


__all__ = ["AGGREGATES", "ALIASES", "NOT_PLAYED", "SCALARS", "WINDOWS", "Overload", "is_aggregate"]
