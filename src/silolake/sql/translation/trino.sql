-- What Trino does and DuckDB does not, as DuckDB macros; a session makes the ones a query uses.
--
-- A failing cast is how a macro fails: DuckDB's error() cannot stand inside TRY. The text that cannot be cast
-- begins with "!", so it can never be mistaken for a value; "!!" is followed by Trino's error code and message.

trino_strict(s, p) AS
    CASE WHEN s IS NULL OR regexp_full_match(s, p) THEN s ELSE concat('!', s) END;

trino_fail(message) AS
    CAST(concat('!!', message) AS BIGINT);

trino_scientific(s) AS
    instr(s, 'e') > 0;

trino_digits(s) AS
    rtrim(ltrim(replace(split_part(s, 'e', 1), '.', ''), '0'), '0');

trino_exponent(s) AS
    CASE WHEN trino_scientific(s) THEN CAST(split_part(s, 'e', 2) AS INTEGER)
     WHEN NOT starts_with(s, '0.') THEN length(split_part(s, '.', 1)) - 1
     ELSE length(ltrim(split_part(s, '.', 2), '0')) - length(split_part(s, '.', 2)) - 1 END;

trino_mantissa(d) AS
    d[1] || '.' || CASE WHEN length(d) > 1 THEN d[2:] ELSE '0' END;

trino_e(s) AS
    trino_mantissa(trino_digits(s)) || 'E' || trino_exponent(s);

trino_sign(x) AS
    CASE WHEN x < 0 THEN '-' ELSE '' END;

trino_float_text(x) AS
    CASE WHEN x IS NULL THEN NULL WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN trino_sign(x) || 'Infinity'
     WHEN x = 0 THEN CASE WHEN starts_with(CAST(x AS VARCHAR), '-') THEN '-0E0' ELSE '0E0' END
     ELSE trino_sign(x) || trino_e(CAST(abs(x) AS VARCHAR)) END;

trino_java_text(x) AS
    CASE WHEN x IS NULL THEN NULL WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN trino_sign(x) || 'Infinity'
     WHEN x = 0 OR (abs(x) >= 0.001 AND abs(x) < 1e7) THEN CAST(x AS VARCHAR) ELSE trino_sign(x)
     || trino_e(CAST(abs(x) AS VARCHAR)) END;

trino_time_text(x, p) AS
    strftime(x, '%Y-%m-%d %H:%M:%S') || CASE WHEN p = 0 THEN '' ELSE '.'
     || left(rpad(strftime(x, '%f'), CAST(p AS INTEGER), '0'), CAST(p AS INTEGER)) END;

trino_clock_text(x, p) AS
    left(CAST(x AS VARCHAR), 8) || CASE WHEN p = 0 THEN '' ELSE '.'
     || left(rpad(substring(CAST(x AS VARCHAR), 10), 12, '0'), CAST(p AS INTEGER)) END;

trino_rounded(x, unit) AS
    make_timestamp(CAST(round(epoch_us(x) / unit) AS BIGINT) * unit);

trino_offset(z) AS
    CAST(z[1]
     || '1' AS INTEGER) * (CAST(substring(z, 2, 2) AS INTEGER) * 3600 + CAST(right(z, 2) AS INTEGER) * 60);

trino_is_offset(z) AS
    z[1] IN ('+', '-');

trino_to_local(t, z) AS
    CASE WHEN z = 'UTC' THEN t WHEN trino_is_offset(z) THEN t + to_seconds(trino_offset(z)) ELSE timezone(CASE
     WHEN z = 'UTC' OR trino_is_offset(z) THEN 'UTC' ELSE z END, timezone('UTC', t)) END;

trino_to_utc(t, z) AS
    CASE WHEN z = 'UTC' THEN t WHEN trino_is_offset(z) THEN t - to_seconds(trino_offset(z))
     ELSE timezone('UTC', timezone(CASE WHEN z = 'UTC' OR trino_is_offset(z) THEN 'UTC' ELSE z END, t)) END;

trino_zone(z) AS
    CASE WHEN z IN ('Z', 'z', 'UTC', 'GMT', '+00:00', '-00:00', '+0000', '+00') THEN 'UTC'
     WHEN trino_is_offset(z) THEN z[1] || substring(replace(z, ':', '') || '00', 2, 2) || ':'
     || substring(replace(z, ':', '') || '00', 4, 2) ELSE z END;

trino_instant(t, z) AS
    CASE WHEN t IS NOT NULL AND z IS NOT NULL THEN {'t': t, 'z': trino_zone(z)} END;

trino_zoned(l, z) AS
    trino_instant(trino_to_utc(l, trino_zone(z)), z);

trino_local(x) AS
    trino_to_local(trino_t(x), trino_z(x));

trino_relocal(l, x) AS
    trino_zoned(l, trino_z(x));

trino_zoned_text(x, p) AS
    trino_time_text(trino_local(x), p) || ' ' || trino_z(x);

trino_zoned_iso8601(x) AS
    strftime(trino_local(x), '%Y-%m-%dT%H:%M:%S.%g') || CASE WHEN trino_z(x) = 'UTC' THEN 'Z'
     ELSE trino_offset_text(date_diff('second', trino_t(x), trino_local(x))) END;

trino_offset_text(s) AS
    CASE WHEN s < 0 THEN '-' ELSE '+' END || lpad(CAST(abs(s) // 3600 AS VARCHAR), 2, '0') || ':'
     || lpad(CAST(abs(s) // 60 % 60 AS VARCHAR), 2, '0');

trino_offset_part(x, unit, wrap) AS
    date_diff('second', trino_t(x), trino_local(x)) // unit % wrap;

trino_from_unixtime(x) AS
    make_timestamp(CAST(round(x * 1000) AS BIGINT) * 1000);

trino_iso8601_zone(s) AS
    trino_zone(coalesce(nullif(regexp_extract(s, 'T.*?(Z|[+-]\d{2}(:?\d{2})?)$', 1), ''), 'UTC'));

trino_iso8601_local(s) AS
    CAST(regexp_replace(replace(s, ',', '.'), '(T.*?)(Z|[+-]\d{2}(:?\d{2})?)$', '\1') AS TIMESTAMP);

trino_iso8601_full(s) AS
    CASE WHEN regexp_full_match(s, '\d{4}') THEN s || '-01-01' WHEN regexp_full_match(s, '\d{4}-\d{2}') THEN s
     || '-01' ELSE regexp_replace(s, 'T(\d{2})(Z|[+-].*)?$', 'T\1:00\2') END;

trino_from_iso8601(s) AS
    trino_zoned(trino_iso8601_local(trino_iso8601_full(trino_strict(s, '\d{4}(-\d{2}(-\d{2}(T\d{2}(:\d{2}(:\d{2}([.,]\d{1,9})?)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?)?)?'))), trino_iso8601_zone(s));

trino_text_zone(s) AS
    coalesce(nullif(regexp_extract(s, '^\s*[-+]?\d+-\d+-\d+(?: \d+:\d+(?::\d+(?:\.\d+)?)?)?\s+([A-Za-z+-].*?)\s*$', 1), ''), 'UTC');

trino_text_local(s) AS
    CAST(regexp_extract(s, '^\s*([-+]?\d+-\d+-\d+(?: \d+:\d+(?::\d+(?:\.\d+)?)?)?)', 1) AS TIMESTAMP);

trino_zoned_from_text(s) AS
    trino_zoned(trino_text_local(trino_strict(s, '\s*[-+]?\d{4,}-\d{1,2}-\d{1,2}( \d{1,2}:\d{1,2}(:\d{1,2}(\.\d+)?)?)?(\s+[A-Za-z+-].*)?\s*')), trino_text_zone(s));

trino_substr(s, i) AS
    CASE WHEN i = 0 OR abs(i) > length(s) THEN CASE WHEN s IS NOT NULL THEN '' END ELSE substring(s, i) END;

trino_substring(s, i, n) AS
    CASE WHEN i = 0 OR abs(i) > length(s) OR n <= 0 THEN CASE WHEN s IS NOT NULL THEN '' END
     ELSE substring(s, i, n) END;

trino_split_part(s, d, i) AS
    CASE
     WHEN i < 1 THEN CAST(trino_fail('INVALID_FUNCTION_ARGUMENT: Index must be greater than zero') AS VARCHAR)
     WHEN i > length(string_split(s, d)) THEN NULL ELSE split_part(s, d, CAST(i AS BIGINT)) END;

trino_split(s, d, n) AS
    CASE WHEN length(string_split(s, d)) <= n THEN string_split(s, d)
     ELSE list_append(list_slice(string_split(s, d), 1, n - 1), array_to_string(list_slice(string_split(s, d), n, length(string_split(s, d))), d)) END;

trino_split_to_map(s, e, k) AS
    map_from_entries(list_transform(list_filter(string_split(s, e), lambda trino_p: trino_p <> ''), lambda trino_p: {'k': split_part(trino_p, k, 1), 'v': substring(trino_p, strpos(trino_p, k) + length(k))}));

trino_to_base(x, b) AS
    CASE WHEN x < 0 THEN '-' ELSE '' END || lower(to_base(abs(x), CAST(b AS INTEGER)));

trino_width_bucket(x, low, high, n) AS
    CASE WHEN low < high THEN CASE WHEN x < low THEN 0 WHEN x >= high THEN n + 1
     ELSE CAST(floor(n * (x - low) / (high - low)) AS BIGINT) + 1 END ELSE CASE WHEN x > low THEN 0
     WHEN x <= high THEN n + 1 ELSE CAST(floor(n * (low - x) / (low - high)) AS BIGINT) + 1 END END;

trino_regexp_extract(s, p, g) AS
    CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, CAST(g AS INTEGER)) END;

trino_replacement(r) AS
    regexp_replace(regexp_replace(replace(r, '\$', chr(1)), '\$(\d)', '\\\1', 'g'), chr(1), '$', 'g');

trino_json_valid(j) AS
    CASE WHEN json_valid(j) THEN CAST(j AS JSON) END;

trino_json_path(p) AS
    regexp_replace(p, '\["([^"]*)"\]', '."\1"', 'g');

trino_json_extract(j, p) AS
    json_extract(trino_json_valid(j), trino_json_path(p));

trino_json_scalar(j, p) AS
    CASE
     WHEN json_type(trino_json_extract(j, p)) NOT IN ('OBJECT', 'ARRAY', 'NULL') THEN json_extract_string(trino_json_valid(j), trino_json_path(p)) END;

trino_json_array_length(j) AS
    CASE
     WHEN json_type(trino_json_valid(j)) = 'ARRAY' THEN CAST(json_array_length(trino_json_valid(j)) AS BIGINT) END;

trino_json_array_get(j, i) AS
    CASE WHEN json_type(trino_json_valid(j)) = 'ARRAY' THEN json_extract(trino_json_valid(j), '$[' || CASE
     WHEN i < 0 THEN '#' ELSE '' END || CAST(i AS VARCHAR) || ']') END;

trino_json_size(j, p) AS
    CASE json_type(trino_json_extract(j, p))
     WHEN 'OBJECT' THEN CAST(length(json_keys(trino_json_extract(j, p))) AS BIGINT)
     WHEN 'ARRAY' THEN CAST(json_array_length(trino_json_extract(j, p)) AS BIGINT) ELSE CASE
     WHEN trino_json_extract(j, p) IS NOT NULL THEN 0 END END;

trino_index(i, n) AS
    CASE WHEN i = 0 THEN trino_fail('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1')
     WHEN i < 0 THEN trino_fail('INVALID_FUNCTION_ARGUMENT: Array subscript is negative: ' || i)
     WHEN i > n THEN trino_fail('INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: '
     || i || ' > ' || n) ELSE i END;

trino_element_at(a, i) AS
    list_extract(a, CASE WHEN i = 0 THEN trino_fail('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1')
     ELSE i END);

trino_map_value(m, k) AS
    CASE WHEN map_contains(m, k) THEN map_extract_value(m, k) WHEN m IS NULL OR k IS NULL THEN NULL
     ELSE list_extract(map_values(m), trino_fail('INVALID_FUNCTION_ARGUMENT: Key not present in map: '
     || k)) END;

trino_contains(a, x) AS
    CASE WHEN a IS NULL OR x IS NULL THEN NULL WHEN list_contains(a, x) THEN true
     WHEN length(list_filter(a, lambda trino_e: trino_e IS NULL)) > 0 THEN NULL ELSE false END;

trino_has(a, x) AS
    length(list_filter(a, lambda trino_h: trino_h IS NOT DISTINCT FROM x)) > 0;

trino_array_distinct(a) AS
    list_filter(a, lambda trino_e, trino_i: NOT trino_has(list_slice(a, 1, trino_i - 1), trino_e));

trino_array_extreme(a, x) AS
    CASE WHEN length(list_filter(a, lambda trino_e: trino_e IS NULL)) > 0 THEN NULL ELSE x END;

trino_array_position(a, x) AS
    CASE WHEN a IS NULL OR x IS NULL THEN NULL ELSE CAST(coalesce(list_position(a, x), 0) AS BIGINT) END;

trino_array_remove(a, x) AS
    list_filter(a, lambda trino_e: trino_e IS DISTINCT FROM x);

trino_array_intersect(a, b) AS
    CASE
     WHEN b IS NOT NULL THEN list_filter(trino_array_distinct(a), lambda trino_e: trino_has(b, trino_e)) END;

trino_array_except(a, b) AS
    CASE
     WHEN b IS NOT NULL THEN list_filter(trino_array_distinct(a), lambda trino_e: NOT trino_has(b, trino_e)) END;

trino_arrays_overlap(a, b) AS
    CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN list_has_any(a, b) THEN true
     WHEN length(list_filter(list_concat(a, b), lambda trino_e: trino_e IS NULL)) > 0 AND length(a) > 0
     AND length(b) > 0 THEN NULL ELSE false END;

trino_slice(a, i, n) AS
    CASE WHEN i > 0 THEN list_slice(a, i, i + n - 1) WHEN -i > length(a) THEN list_slice(a, 1, 0)
     ELSE list_slice(a, length(a) + i + 1, length(a) + i + n) END;

trino_sequence(a, b, s) AS
    generate_series(a, b, s);

trino_any(a) AS
    CASE WHEN a IS NULL THEN NULL WHEN list_contains(a, true) THEN true
     WHEN length(list_filter(a, lambda trino_e: trino_e IS NULL)) > 0 THEN NULL ELSE false END;

trino_all(a) AS
    CASE WHEN a IS NULL THEN NULL WHEN list_contains(a, false) THEN false
     WHEN length(list_filter(a, lambda trino_e: trino_e IS NULL)) > 0 THEN NULL ELSE true END;

trino_first_entries(l) AS
    list_filter(l, lambda trino_e, trino_i: trino_e.k IS NOT NULL
     AND NOT list_contains(list_transform(list_slice(l, 1, trino_i - 1), lambda trino_p: trino_p.k), trino_e.k));

trino_map_of(l) AS
    map_from_entries(trino_first_entries(l));

trino_multimap_of(l) AS
    map_from_entries(list_transform(trino_first_entries(l), lambda trino_o: {'k': trino_o.k, 'v': list_transform(list_filter(l, lambda trino_q: trino_q.k = trino_o.k), lambda trino_q: trino_q.v)}));

trino_quotient(n, d) AS
    sign(n) * sign(d) * ((abs(n) * 2 + abs(d)) // (abs(d) * 2));

trino_interval_ms(i) AS
    CAST(extract(epoch FROM i) * 1000 AS BIGINT);

trino_day_time_text(i) AS
    trino_ms_text(trino_interval_ms(i));

trino_ms_text(m) AS
    CASE WHEN m < 0 THEN '-' ELSE '' END || abs(m) // 86400000 || ' '
     || lpad(CAST(abs(m) // 3600000 % 24 AS VARCHAR), 2, '0') || ':'
     || lpad(CAST(abs(m) // 60000 % 60 AS VARCHAR), 2, '0') || ':'
     || lpad(CAST(abs(m) // 1000 % 60 AS VARCHAR), 2, '0') || '.'
     || lpad(CAST(abs(m) % 1000 AS VARCHAR), 3, '0');

trino_months(i) AS
    extract(year FROM i) * 12 + extract(month FROM i);

trino_year_month_text(i) AS
    CASE WHEN trino_months(i) < 0 THEN '-' ELSE '' END || abs(trino_months(i)) // 12 || '-'
     || abs(trino_months(i)) % 12;

trino_dates(a, b, s) AS
    list_transform(generate_series(a, b, s), lambda trino_i: CAST(trino_i AS DATE));

trino_cbrt(x) AS
    CASE WHEN pow(round(cbrt(x)), 3) = x THEN round(cbrt(x)) ELSE cbrt(x) END;

-- DuckDB forgets the type of a field taken from a constant NULL, so it is said again.
trino_t(x) AS
    CAST((x).t AS TIMESTAMP);

trino_z(x) AS
    CAST((x).z AS VARCHAR);
