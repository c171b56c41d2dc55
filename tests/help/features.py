# SPDX-License-Identifier: GPL-2.0-only
"""What `features` says of each hook is what rules there may have, no more and no less:   features.py BPFILTER ssh.o"""
import json
import os
import subprocess
import sys

bf = sys.argv[1]
if os.geteuid():
    print("needs root")
    sys.exit(77)

STATEMENTS = {
    "drop": "drop",
    "reject": "reject",
    "log": "log",
    "notrack": "notrack",
    "meta mark set": "meta mark set 1",
    "meta priority set": "meta priority set 1",
    "ct mark set": "ct mark set 1",
    "ip dscp set": "ip dscp set 1",
    "redirect to": 'redirect to "lo"',
    "route via": "route via 192.0.2.1",
    "mirror to": 'mirror to "lo"',
    "set rto": "set rto 100ms",
    "program": f'program "{sys.argv[2]}" section "ssh"',
}


def chain(hook, rule):
    at = {"device": f'hook {hook["name"]} device "lo"', "cgroup": f'hook {hook["name"]} cgroup "/"'}
    place = at.get(hook["at"], f'hook {hook["name"]}')
    place = 'type sockops cgroup "/"' if hook["name"] == "sockops" else f"type filter {place} priority 0"
    family = "netdev" if hook["at"] == "device" else "inet"
    return f"table {family} t {{ chain c {{ {place}; {rule}; }} }}\n"


def allowed(hook, statement):
    """None, or what is wrong."""
    done = subprocess.run([bf, "check"], input=chain(hook, STATEMENTS[statement]), capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else None


bad = 0
told = json.loads(subprocess.run([bf, "features", "-j"], capture_output=True, text=True, check=True).stdout)
for hook in told["hooks"]:
    said = hook["statements"].split(", ")
    for statement in STATEMENTS:
        error = allowed(hook, statement) if hook["present"] else ""
        if (statement in said) == (error is None):
            continue
        bad += 1
        print(f"{hook['name']} of {hook['at']}: {statement}: {'said' if statement in said else 'not said'}, but {error or 'it can'}")
print(f"{len(told['hooks'])} hooks, {len(STATEMENTS)} statements, {bad} wrong")
sys.exit(bool(bad))
