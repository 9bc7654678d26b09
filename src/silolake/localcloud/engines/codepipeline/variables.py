"""Variables in an action's configuration: ``#{namespace.name}``. Pure.

https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_REFERENCE = re.compile(r"#\{([A-Za-z0-9@\-_]+)\.([A-Za-z0-9@\-_]+)\}")


class Unresolved(Exception):
    """A variable that nobody has set."""


def references(text: str) -> Iterator[tuple[str, str]]:
    """The namespaces and names that a text refers to.

    >>> list(references("s3://#{source.BucketName}/#{source.ObjectKey}"))
    [('source', 'BucketName'), ('source', 'ObjectKey')]
    """
    for found in _REFERENCE.finditer(text):
        yield found[1], found[2]


def resolve(text: str, known: Mapping[str, Mapping[str, str]]) -> str:
    """A text with its variables' values.

    Raises:
        Unresolved: one has none.

    >>> resolve("key #{source.VersionId}", {"source": {"VersionId": "7"}})
    'key 7'
    """

    def value(found: re.Match[str]) -> str:
        namespace, name = found[1], found[2]
        if name not in known.get(namespace, {}):
            raise Unresolved(f"An action in this pipeline refers to a variable that has no value: {found[0]}")
        return known[namespace][name]

    return _REFERENCE.sub(value, text)
