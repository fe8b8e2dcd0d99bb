"""Frames to bytes: the C encoder without importing json (saves 7–12 ms of start), json, or by hand on python3-minimal."""


def _string(value):
    out = ['"']
    for char in value:
        code = ord(char)
        if char in '"\\':
            out.append("\\" + char)
        elif 32 <= code < 127:
            out.append(char)
        elif code < 0x10000:
            out.append("\\u%04x" % code)
        else:
            code -= 0x10000
            out.append("\\u%04x\\u%04x" % (0xD800 | code >> 10, 0xDC00 | code & 0x3FF))
    out.append('"')
    return "".join(out)


def encode_by_hand(value):
    """Compact ASCII JSON text of None, bool, int, float, str, list, tuple and dict."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ",".join(_string(str(k)) + ":" + encode_by_hand(v) for k, v in value.items()) + "}"
    return "[" + ",".join([encode_by_hand(item) for item in value]) + "]"


def _by_c():
    import _json

    def refuse(value):
        raise TypeError(repr(value))

    quote = _json.encode_basestring_ascii
    make = _json.make_encoder(None, refuse, quote, None, ":", ",", False, False, True)
    if "".join(make(["a", 1, 2.5, None, {"b": True}], 0)) != '["a",1,2.5,null,{"b":true}]':
        raise ImportError("another _json")
    return lambda value: "".join(make(value, 0)).encode("ascii")


def _by_json():
    import json

    encoder = json.JSONEncoder(separators=(",", ":"))
    return lambda value: encoder.encode(value).encode("ascii")


def _choose():
    for make in (_by_c, _by_json):
        try:
            return make()
        except (ImportError, AttributeError, TypeError, ValueError):
            pass
    return lambda value: encode_by_hand(value).encode("ascii")


encode = _choose()


def line_text(data, limit=256):
    """Text from bytes in any encoding, bounded; the console sanitises it."""
    return data[:limit].decode("utf-8", "replace")


def name_text(name):
    """A file name as valid text (os.listdir may give lone surrogates)."""
    return name.encode("utf-8", "replace").decode("utf-8", "replace")
