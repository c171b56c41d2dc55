# SPDX-License-Identifier: GPL-2.0-only
"""Verbs and their flags are the same in the help, in both completions and in the manual:   help.py BPFILTER SOURCE"""
import os
import re
import subprocess
import sys

bf, source = sys.argv[1:3]
bad = []


def read(*path):
    with open(os.path.join(source, *path)) as f:
        return f.read()


def out(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        bad.append(f"{' '.join(command)}: {done.returncode} {done.stderr}")
    return done.stdout


def same(what, a, b):
    if a != b:
        bad.append(f"{what}: only in the help {sorted(a - b)}, only there {sorted(b - a)}")


def helped(text):
    return set(re.findall(r"^  (--?[a-z0-9-]+)", text, re.M))


BASH = """
_init_completion() { cword=$COMP_CWORD words=("${COMP_WORDS[@]}") cur=${words[cword]} prev=${words[cword - 1]}; }
_filedir() { :; }
_command_offset() { :; }
source "$1/cli/completion/bpfilter.bash"
shift
for line; do
    COMP_WORDS=(bpfilter $line) COMPREPLY=()
    [[ $line == *- ]] || COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _bpfilter
    echo "${COMPREPLY[@]}"
done
"""


def bash(*lines):
    return [set(words.split()) for words in out("bash", "-c", BASH, "bash", source, *lines).splitlines()]


def zsh_flags():
    """verb -> the flags of its _arguments line; $print and its like are lists of them."""
    text = read("cli", "completion", "_bpfilter")
    lists = dict(re.findall(r"^local -a (\w+)=\((.*)\)$", text, re.M))
    found = {}
    for verbs, body in re.findall(r"^\t([a-z| ]+)\)((?: .*;;\n)|(?:\n(?:\t\t.*\n)+?\t\t;;\n))", text, re.M):
        body = re.sub(r"\$(\w+)", lambda m: lists.get(m[1], ""), body)
        for verb in verbs.split(" | "):
            found[verb] = set(re.findall(r"'(?:\([^)]*\))?(--?[a-z0-9-]+)\[", body))
    return found


def page_of(verb, text):
    """The manual page that the help names; a link as man/meson.build makes it."""
    name = re.search(r"See (\S+)\(8\)\.", text)[1]
    links = dict(re.findall(r"'(\w+)': '(\w+)'", read("man", "meson.build")))
    if name != "bpfilter":
        same(f"{verb}: its page", {name}, {f"bpfilter-{verb}"})
        name = f"bpfilter-{links.get(verb, verb)}"
    return name


def section(text, title):
    found = re.search(rf"^# {title}\n(.*?)(?=^# |\Z)", text, re.M | re.S)
    return found[1] if found else ""


def page_flags(name):
    """Of an own page: what OPTIONS tells, which is of all of its verbs."""
    if name != "bpfilter":
        heads = re.findall(r"^\*-.*", section(read("man", name + ".8.scd"), "OPTIONS"), re.M)
        return set(re.findall(r"\*(--?[a-z0-9-]+)\*", " ".join(heads)))
    return None


def line_flags(verb):
    """Of bpfilter(8): the flags in the heading of the verb."""
    line = re.search(rf"^\*{verb}\*.*", manual, re.M)[0]
    return set(re.findall(r"(?<![\w-])(-[a-z0-9])\b", line))


manual = section(read("man", "bpfilter.8.scd"), "VERBS")
top = out(bf, "help")
verbs = re.findall(r"^  ([a-z]+) ", top, re.M)
heads = " ".join(re.findall(r"^\*[a-z]+\*.*", manual, re.M))
same("verbs, bpfilter(8)", set(verbs), set(re.findall(r"\*([a-z]+)\*", heads)))
words = bash("")[0]
same("verbs, bash", set(verbs), {w for w in words if w[0] != "-"})
same("flags in front of the verb, bash", helped(top) | {"--version"}, {w for w in words if w[0] == "-"})
zsh = read("cli", "completion", "_bpfilter")
same("verbs, zsh", set(verbs), set(re.findall(r"^\t'([a-z]+):", zsh, re.M)))

flags, pages = {}, {}
for verb in verbs:
    text = out(bf, verb, "--help")
    if text != out(bf, "help", verb):
        bad.append(f"{verb} --help is not help {verb}")
    flags[verb] = helped(text)
    pages.setdefault(page_of(verb, text), []).append(verb)
for verb, there in zip(verbs, bash(*(f"{v} -" for v in verbs))):
    same(f"{verb}, bash", flags[verb], there)
of_zsh = zsh_flags()
for verb in verbs:
    same(f"{verb}, zsh", flags[verb], of_zsh.get(verb, set()))
for page, of in pages.items():
    told = page_flags(page)
    if told is None:
        for verb in of:
            same(f"{verb}, bpfilter(8)", flags[verb] - {"--help"}, line_flags(verb))
    else:
        same(f"{page}(8)", set().union(*(flags[v] for v in of)) - {"--help"}, told)
for verb in verbs:
    for flag in re.findall(r"(?<![\w-])-([a-z0-9]+)\b", out(bf, verb, "--help").splitlines()[0].replace("--netns", "")):
        same(f"{verb}: its usage", {"-" + f for f in flag} & flags[verb], {"-" + f for f in flag})
print("\n".join(bad) if bad else f"{len(verbs)} verbs, {sum(map(len, flags.values()))} flags")
sys.exit(bool(bad))
