"""URLs: whatever has "://" in it, also a chain as fsspec has it (zip://a.csv::s3://b/c.zip)."""

import posixpath
import re

# A name alone may be a token of a web server; elsewhere it is a part of the place. Whoever does not
# encode a password may have any character in it. What follows a port is no password.
SECRET = (
    r"(?<=https://)[^/?#]*@|(?<=http://)[^/?#]*@|"
    r"(?<=://)[^/@]*:(?!/|\d+[/?#])(?:[^/]*@|[^@]*@)"
)


def is_url(path: str) -> bool:
    return "://" in path


def shown(path: str) -> str:
    """Return a path or URL without what may be secret: a password, and a URL's query."""
    if not is_url(path):
        return path
    links = (re.sub(SECRET, "", link, flags=re.I) for link in path.split("::"))
    return "::".join(re.sub(r"[?#].*", "", link, flags=re.S) for link in links)


def join(url: str, name: str) -> str:
    """Return the URL of a file in a folder."""
    path, rest = _split(url)
    return f"{path.rstrip('/')}/{name}{rest}"


def with_id(url: str, load_id: str) -> str:
    """Return a URL whose file has an id before its ending."""
    path, rest = _split(url)
    name, ending = posixpath.splitext(path)
    return f"{name}-{load_id}{ending}{rest}"


def _split(url):
    path = re.split("[?#]", url)[0]
    return path, url[len(path) :]
