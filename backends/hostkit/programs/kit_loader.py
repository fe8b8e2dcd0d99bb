"""What the boot loader would start: the entries of grub, of boot loader snippets and of systemd-boot, and which is the default."""

import os
import re

from kit_ask import content, lines
from kit_boot import ROOT, age_key, names, size

ENTRIES = 60


def exists(path):
    """Whether a path of a boot entry leads to something: it is relative to /boot where that is a partition of its own."""
    places = [ROOT + path] if path.startswith("/boot/") else [ROOT + "/boot" + path, ROOT + path]
    places += [ROOT + "/boot/efi" + path, ROOT + "/efi" + path]
    return any(os.path.isfile(place) for place in places)


def entry(title, name, place, linux, initrds):
    return {
        "title": title[:200],
        "id": name[:200],
        "place": place,
        "linux": linux[:300],
        "linux_exists": exists(linux) if linux else None,
        "initrds": [path[:300] for path in initrds[:8]],
        "initrds_exist": [exists(path) for path in initrds[:8]],
    }


def plain(path):
    """A path of grub without its device: "(hd0,gpt2)/vmlinuz", "($root)/vmlinuz"."""
    return re.sub(r"^\([^)]*\)", "", path.strip("\"'"))


HEAD = re.compile(r"\s*(menuentry|submenu)\s+(?:'([^']*)'|\"([^\"]*)\")(.*)\{\s*$")
HEAD_ID = re.compile(r"(?:--id|\$menuentry_id_option)\s+'?([^'\s{]+)")


class Menu(object):
    """Reads a grub.cfg line by line. The place of an entry is its position, behind that of its submenu: "0", "1>2"."""

    def __init__(self):
        self.found = []
        self.levels = [["", 0]]  # [place of the menu, entries so far]
        self.open = []  # what each "{" began

    def line(self, line):
        head = HEAD.match(line)
        words = line.split()
        if head:
            self.head(head)
        elif words[-1:] == ["{"]:
            self.open.append("")
        elif words[:1] == ["}"] and self.open:
            if self.open.pop() == "submenu":
                self.levels.pop()
        elif self.open[-1:] == ["menuentry"] and len(words) > 1:
            self.command(words)

    def head(self, head):
        menu = self.levels[-1]
        place = menu[0] + str(menu[1])
        menu[1] += 1
        self.open.append(head.group(1))
        if head.group(1) == "submenu":
            self.levels.append([place + ">", 0])
            return
        name = HEAD_ID.search(head.group(4))
        title = head.group(2) if head.group(2) is not None else head.group(3)
        self.found.append([title, name.group(1) if name else "", place, "", []])

    def command(self, words):
        if words[0] in ("linux", "linux16", "linuxefi"):
            self.found[-1][3] = plain(words[1])
        elif words[0] in ("initrd", "initrd16", "initrdefi"):
            self.found[-1][4] = [plain(word) for word in words[1:]]


def grub_entries(text):
    menu = Menu()
    for line in text.split("\n"):
        menu.line(line)
    return [entry(*each) for each in menu.found[:ENTRIES] if each[3]]


def snippet_entries(folder):
    """The entries of the Boot Loader Specification, newest first as grub and systemd-boot sort them."""
    found = []
    for name in names(folder):
        if not name.endswith(".conf"):
            continue
        fields = {}
        for line in lines(content(os.path.join(folder, name)) or ""):
            words = line.split(None, 1)
            if len(words) == 2:
                fields.setdefault(words[0], []).append(words[1].strip())
        linux = (fields.get("linux") or [""])[0]
        initrds = [plain(word) for value in fields.get("initrd", []) for word in value.split() if word[:1] == "/"]
        key = age_key((fields.get("version") or [""])[0]), age_key(name)
        found.append((key, entry((fields.get("title") or [""])[0], name[: -len(".conf")], "", plain(linux), initrds)))
    ordered = [each for _, each in sorted(found, key=lambda pair: pair[0], reverse=True)]
    for index, each in enumerate(ordered):
        each["place"] = str(index)
    return ordered[:ENTRIES]


def assignments(text):
    """{name: value} of `NAME=value` lines."""
    pairs = re.findall(r"^\s*(?:set\s+)?([A-Za-z_]+)=[\"']?([^\"'\n]*)[\"']?\s*$", text, re.MULTILINE)
    return {name: value.strip()[:300] for name, value in pairs}


def loader():
    """Which entry boots by default, and the entries; None where no known boot loader left its files."""
    boot = ROOT + "/boot"
    for folder in (boot + "/grub", boot + "/grub2"):
        menu = content(folder + "/grub.cfg", 1 << 20)
        if menu is None:
            continue
        stored = assignments(content(folder + "/grubenv") or "")
        snippets = "blscfg" in menu and os.path.isdir(boot + "/loader/entries")
        default = re.search(r"^\s*set default=[\"']?([^\"'\n$]+)[\"']?\s*$", menu, re.MULTILINE)
        saved = re.search(r"set default=\"?\$\{saved_entry\}", menu) and stored.get("saved_entry")
        return {
            "kind": "grub",
            "default": saved or (default.group(1) if default else "0"),
            "once": stored.get("next_entry", ""),
            "entries": snippet_entries(boot + "/loader/entries") if snippets else grub_entries(menu),
        }
    for folder in (boot, boot + "/efi", ROOT + "/efi"):
        settings = content(folder + "/loader/loader.conf")
        if settings is not None:
            chosen = re.search(r"^default\s+(\S+)", settings, re.MULTILINE)
            entries = snippet_entries(folder + "/loader/entries")
            default = chosen.group(1) if chosen else "0"
            return {"kind": "systemd-boot", "default": default, "once": "", "entries": entries}
    return None


def links():
    """The symbolic links through which a kernel may be booted, and whether they lead to something."""
    found = []
    for path in ("/vmlinuz", "/initrd.img", "/boot/vmlinuz", "/boot/initrd.img", "/boot/initrd"):
        if os.path.islink(ROOT + path):
            found.append(
                {"path": path, "target": os.readlink(ROOT + path)[:300], "exists": size(ROOT + path) is not None}
            )
    return found
