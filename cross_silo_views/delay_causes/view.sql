-- One row for each flight: the joins are LEFT, because 52,606 of the 336,776 flights of 2013 have no aircraft on the
-- registry's list and 1,556 have no weather. Local hours repeat in November, so weather is met on the UTC hour.
select
    f.silo,
    f.origin,
    f.dest,
    f.carrier,
    f.flight,
    f.tailnum,
    f.time_hour,
    f.dep_delay,
    f.arr_delay,
    w.temp,
    w.wind_speed,
    w.wind_gust,
    w.precip,
    w.visib,
    year(f.time_hour) - p.year as aircraft_age,
    p.manufacturer,
    p.model
from flights as f
left join weather as w
    on w.silo = f.silo and w.origin = f.origin and w.time_hour = f.time_hour
left join planes as p
    on p.tailnum = f.tailnum
