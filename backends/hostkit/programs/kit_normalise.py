"""Takes out of a command's output what differs from run to run, so that two runs without a change are equal.

Rules are plain data, applied in this order: {"json": {"drop": [key], "without": {key: pattern}, "names": [key],
"words": [key]}, "xml": [tag pattern], "mask": bool, "drop": [pattern], "replace": [[pattern, text]], "sort": bool}.
"""

import re

ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
OPENING = re.compile(r"\s*<([\w.-]+)[^>]*?(/?)>")
SECRETS = re.compile(
    r"(?i)((?:--?|\b)[\w-]*(?:pass(?:word|wd|phrase)?|token|secret|credential|api[_-]?key|access[_-]?key)[\w-]*"
    r"(?:=|\s+|\"\s*[:,]\s*\"))([^\s\"',]+)"
)
OPTION = re.compile(r"(?i)--?[\w-]*(?:pass(?:word|wd|phrase)?|token|secret|credential|api-?key|access-?key)[\w-]*$")
MASK = "[masked]"


def normalised(text, rules):
    """`text` without what `rules` take out; every line ends in a line break, none in a space."""
    text = ESCAPES.sub("", text.replace("\r\n", "\n"))
    if "json" in rules:
        text = without_keys(text, rules["json"])
    if "xml" in rules:
        text = without_tags(text, rules["xml"])
    if rules.get("mask"):
        text = SECRETS.sub(r"\g<1>" + MASK, text)
    lines = [line.rstrip() for line in text.split("\n")]
    for pattern in rules.get("drop", ()):
        search = re.compile(pattern).search
        lines = [line for line in lines if not search(line)]
    for pattern, replacement in rules.get("replace", ()):
        change = re.compile(pattern).sub
        lines = [change(replacement, line).rstrip() for line in lines]
    if rules.get("sort"):
        lines = sorted(line for line in lines if line)
    while lines and not lines[-1]:
        lines.pop()
    return "".join(line + "\n" for line in lines)


def without_keys(text, rules):
    """JSON, sorted and indented, without the keys and list items that the rules name. Raises ValueError, ImportError."""
    import json

    value = pruned(json.loads(text), rules)
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)


def pruned(value, rules):
    if isinstance(value, dict):
        kept = {key: pruned(each, rules) for key, each in value.items() if key not in rules.get("drop", ())}
        for key in rules.get("names", ()):
            if isinstance(kept.get(key), list):
                kept[key] = sorted(name_only(each) for each in kept[key])
        for key in rules.get("words", ()):
            if isinstance(kept.get(key), list):
                kept[key] = without_values(kept[key])
        return kept
    if isinstance(value, list):
        return [pruned(each, rules) for each in value if not unwanted(each, rules.get("without", {}))]
    return value


def name_only(assignment):
    """ "TOKEN=abc" → "TOKEN=[masked]": environments hold secrets."""
    name, sign, _ = str(assignment).partition("=")
    return name + (sign and sign + MASK)


def without_values(words):
    """A command line without the values of options that name a secret: ["--api-key", "abc"]."""
    after = [False] + [bool(OPTION.match(str(word))) for word in words]
    return [MASK if hidden else word for hidden, word in zip(after, words)]


def unwanted(item, patterns):
    """Whether an item of a list is one of those that come and go: {"ifname": "veth.*"}."""
    if not isinstance(item, dict):
        return False
    return any(re.match(pattern, str(item.get(key, ""))) for key, pattern in patterns.items())


def without_tags(text, patterns):
    """XML as nvidia-smi prints it, one element a line, without the elements whose tags match, and what is in them."""
    unwelcome = re.compile("(?:%s)$" % "|".join(patterns)).match
    kept = []
    tag, depth = "", 0
    for line in text.split("\n"):
        opening = OPENING.match(line)
        if depth:
            depth += bool(opening and opening.group(1) == tag and not closed(line, opening))
            depth -= line.strip() == "</%s>" % tag
        elif opening and unwelcome(opening.group(1)):
            tag, depth = opening.group(1), 0 if closed(line, opening) else 1
        else:
            kept.append(line)
    return "\n".join(kept)


def closed(line, opening):
    """Whether an element ends on the line on which it begins."""
    return bool(opening.group(2)) or "</%s>" % opening.group(1) in line
