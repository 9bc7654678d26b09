"""Times at which something is due, as Amazon EventBridge Scheduler writes and counts them. Pure.

``cron(0 6 * * ? *)``, ``rate(15 minutes)``, ``at(2013-07-01T06:00:00)``. Of the hour that is skipped in spring no time
is due; the hour that comes twice in autumn has its times once; a day of a rate is 24 hours.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_FORM = re.compile(r"(cron|rate|at)\(([^()]*)\)")
_RATE = re.compile(r"(\d{1,9}) (minute|minutes|hour|hours|day|days)")
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_MONTHS = {name: number for number, name in enumerate(
    ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), 1)}  # fmt: skip
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_FIRST_YEAR, _LAST_YEAR = 1970, 2199


@dataclass(frozen=True)
class Rate:
    """Due every so often, from a start on."""

    every: timedelta

    def next_after(self, moment: datetime, start: datetime) -> datetime | None:
        """The first due time after a moment, in UTC.

        Args:
            moment: in any time zone, aware of it.
            start: the first time that is due.
        """
        # Within one zone Python counts by the wall clock, and a rate does not.
        moment, start = moment.astimezone(UTC), start.astimezone(UTC)
        if moment < start:
            return start
        return start + ((moment - start) // self.every + 1) * self.every


@dataclass(frozen=True)
class Once:
    """Due at one time."""

    at: datetime

    def next_after(self, moment: datetime, start: datetime) -> datetime | None:
        """That time in UTC, if it comes after a moment and not before the start."""
        return self.at if self.at > moment and self.at >= start else None


@dataclass(frozen=True)
class Cron:
    """Due at times of the calendar.

    Attributes:
        minutes, hours, months, years: the numbers that count.
        days: days of the month as written, ``?`` where the week says them.
        weekdays: days of the week as written, Sunday first, ``?`` where the month says them.
        zone: whose calendar.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: str
    months: tuple[int, ...]
    weekdays: str
    years: tuple[int, ...]
    zone: ZoneInfo

    def next_after(self, moment: datetime, start: datetime) -> datetime | None:
        """The first due time in UTC after a moment and not before the start; ``None`` where there is no more."""
        # A time that equals the start is due: the moment just before it is what it comes after.
        after = max(moment.astimezone(UTC), start.astimezone(UTC) - timedelta(microseconds=1))
        for day in self._days_from(after.astimezone(self.zone).date()):
            for hour in self.hours:
                for minute in self.minutes:
                    wall = datetime.combine(day, time(hour, minute))
                    due = wall.replace(tzinfo=self.zone).astimezone(UTC)
                    # A wall time that the zone skips does not come back from UTC as it was.
                    if due > after and due.astimezone(self.zone).replace(tzinfo=None) == wall:
                        return due
        return None

    def _days_from(self, first: date) -> Iterator[date]:
        for year in (each for each in self.years if each >= first.year):
            for month in self.months:
                if (year, month) < (first.year, first.month):
                    continue
                for day in sorted(self._days_of(year, month)):
                    found = date(year, month, day)
                    if found >= first:
                        yield found

    def _days_of(self, year: int, month: int) -> set[int]:
        if self.days == "?":
            return {day for part in self.weekdays.split(",") for day in _week_days(part, year, month)}
        return {day for part in self.days.split(",") for day in _month_days(part, year, month)}


Schedule = Cron | Rate | Once


def parse(expression: str, time_zone: str = "UTC") -> Schedule:
    """Read a schedule.

    Args:
        expression: ``cron(…)``, ``rate(…)`` or ``at(…)``.
        time_zone: an IANA name; whose calendar ``cron`` and ``at`` are read by.

    Raises:
        ValueError: it is none; the text says what to write.

    >>> parse("rate(15 minutes)").next_after(datetime(2013, 7, 1, tzinfo=UTC), datetime(2013, 6, 1, tzinfo=UTC))
    datetime.datetime(2013, 7, 1, 0, 15, tzinfo=datetime.timezone.utc)
    >>> parse("cron(0 6 ? * 2-6 *)").weekdays
    '2-6'
    >>> parse("cron(0 6 * * * *)")
    Traceback (most recent call last):
    ValueError: 'cron(0 6 * * * *)' says both the day of the month and the day of the week; write ? for one of them
    """
    found = _FORM.fullmatch(expression)
    if not found:
        raise ValueError(f"{expression!r} is no schedule; write cron(…), rate(…) or at(…)")
    zone = _zone(time_zone)
    match found[1]:
        case "rate":
            return _rate(expression, found[2])
        case "at":
            return _once(expression, found[2], zone)
        case _:
            return _cron(expression, found[2].split(), zone)


def due_between(schedule: Schedule, after: datetime, until: datetime, start: datetime) -> Iterator[datetime]:
    """The due times after one moment and not after another, in their order and in UTC.

    Args:
        schedule: when something is due.
        after, until: aware of their time zones; ``until`` itself counts.
        start: the first time that may be due.
    """
    due = schedule.next_after(after, start)
    while due is not None and due <= until:
        yield due
        due = schedule.next_after(due, start)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write an IANA name such as Europe/Rome") from None


def _rate(expression: str, said: str) -> Rate:
    found = _RATE.fullmatch(said)
    if not found or not int(found[1]):
        raise ValueError(f"{expression!r} is no rate; write rate(15 minutes), rate(1 hour) or rate(2 days)")
    return Rate(int(found[1]) * _UNITS[found[2].removesuffix("s")])


def _once(expression: str, said: str, zone: ZoneInfo) -> Once:
    try:
        return Once(datetime.strptime(said, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone).astimezone(UTC))
    except ValueError:
        raise ValueError(f"{expression!r} is no time; write at(2013-07-01T06:00:00)") from None


def _cron(expression: str, fields: list[str], zone: ZoneInfo) -> Cron:
    if len(fields) != 6:
        told = "minutes, hours, day of the month, month, day of the week, year"
        raise ValueError(f"{expression!r} has {len(fields)} fields; write six: {told}")
    minutes, hours, days, months, weekdays, years = fields
    if "?" not in (days, weekdays):
        told = "says both the day of the month and the day of the week; write ? for one of them"
        raise ValueError(f"{expression!r} {told}")
    if days == weekdays:
        raise ValueError(f"{expression!r} says no day; write ? for the month's or the week's, not for both")
    try:
        if days != "?":
            _check(days, _MONTH_DAY, 1, 31, {})
        else:
            _check(weekdays, _WEEK_DAY, 1, 7, _DAYS)
        return Cron(
            _numbers(minutes, 0, 59),
            _numbers(hours, 0, 23),
            days,
            _numbers(months, 1, 12, _MONTHS),
            weekdays,
            _numbers(years, _FIRST_YEAR, _LAST_YEAR),
            zone,
        )
    except ValueError as error:
        raise ValueError(f"{expression!r}: {error}") from None


# Beside numbers, names and ranges: L, LW, 15W and L-3 of a month; 6L and 6#3 of a week.
_MONTH_DAY = re.compile(r"L|LW|L-(?P<back>\d{1,2})|(?P<near>\d{1,2})W")
_WEEK_DAY = re.compile(r"L|(?P<last>[1-7]|[A-Z]{3})L|(?P<nth>[1-7]|[A-Z]{3})#(?P<week>[1-5])")


def _check(field: str, special: re.Pattern[str], least: int, most: int, names: Mapping[str, int]) -> None:
    for part in field.split(","):
        found = special.fullmatch(part)
        if found is None:
            _numbers(part, least, most, names)
        for group in ("near", "last", "nth"):
            if found and group in found.groupdict() and found[group]:
                _number(found[group], least, most, names)


def _numbers(field: str, least: int, most: int, names: Mapping[str, int] | None = None) -> tuple[int, ...]:
    """The numbers of a field: ``*``, ``5``, ``1-5``, ``0/15``, and several of these between commas."""
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        if slash and (not step.isdigit() or not int(step)):
            raise ValueError(f"{part!r} has no step; write it like 0/15")
        if span == "*":
            low, high = least, most
        else:
            first, dash, last = span.partition("-")
            low = _number(first, least, most, names or {})
            high = _number(last, least, most, names or {}) if dash else most if slash else low
        # A range may go over the end: FRI-MON, 22-2.
        around = range(low, high + 1) if low <= high else (*range(low, most + 1), *range(least, high + 1))
        found.update(tuple(around)[:: int(step) if slash else 1])
    return tuple(sorted(found))


def _number(word: str, least: int, most: int, names: Mapping[str, int]) -> int:
    number = names.get(word.upper(), int(word) if re.fullmatch(r"\d{1,4}", word) else None)
    if number is None or not least <= number <= most:
        listed = f", or one of {', '.join(names)}" if names else ""
        raise ValueError(f"{word!r} is not {least} to {most}{listed}")
    return number


def _month_days(part: str, year: int, month: int) -> Iterator[int]:
    last = monthrange(year, month)[1]
    found = _MONTH_DAY.fullmatch(part)
    if found is None:
        yield from (day for day in _numbers(part, 1, 31) if day <= last)
    elif found["near"]:
        if int(found["near"]) <= last:
            yield _nearest_weekday(year, month, int(found["near"]), last)
    elif part == "LW":
        yield _nearest_weekday(year, month, last, last)
    elif last - int(found["back"] or 0) >= 1:
        yield last - int(found["back"] or 0)


def _nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    """The weekday nearest to a day, in the same month."""
    match date(year, month, day).weekday():
        case 5:
            return day - 1 if day > 1 else day + 2
        case 6:
            return day + 1 if day < last else day - 2
        case _:
            return day


def _week_days(part: str, year: int, month: int) -> Iterator[int]:
    last = monthrange(year, month)[1]
    # AWS counts from Sunday as 1, Python from Monday as 0.
    of = {day: (date(year, month, day).weekday() + 1) % 7 + 1 for day in range(1, last + 1)}
    found = _WEEK_DAY.fullmatch(part)
    if found is None:
        wanted = _numbers(part, 1, 7, _DAYS)
        yield from (day for day, weekday in of.items() if weekday in wanted)
    elif found["nth"]:
        wanted_day = _number(found["nth"], 1, 7, _DAYS)
        days = [day for day, weekday in of.items() if weekday == wanted_day]
        yield from days[int(found["week"]) - 1 : int(found["week"])]
    else:
        # L alone is the last day of the week, Saturday, every week; 6L the month's last Friday.
        wanted_day = _number(found["last"], 1, 7, _DAYS) if found["last"] else 7
        days = [day for day, weekday in of.items() if weekday == wanted_day]
        yield from days[-1:] if found["last"] else days
