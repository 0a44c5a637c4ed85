#!/usr/bin/env python3
"""Holds the verdicts of Groundfast against those of OpenSCAP, rule by rule.

usage: agreement.py shared CONTENT BENCHMARK             the rules that both know, one a line
       agreement.py tailoring CONTENT RULES NAME=VALUE…  the tailoring that makes OpenSCAP judge those, and those alone
       agreement.py judge RULES DIFFERENCES FOLDER       prints what was found on each root and compares

CONTENT is a data stream, BENCHMARK a file of profiles/cis, RULES a file with what `shared` printed. FOLDER holds
`ROOT.theirs` (oscap xccdf eval --progress) and `ROOT.ours` (groundfast harden --plan --output json) for each root.
DIFFERENCES is a page with a table (rule, root, theirs, ours, why); rule and root are shell patterns. `judge` ends with
1 when a disagreement is in no row of it, and when a row of it explains none: a page that is no longer true.
"""

import collections
import fnmatch
import json
import pathlib
import re
import sys
import tomllib
import xml.etree.ElementTree as tree

XCCDF = "http://checklists.nist.gov/xccdf/1.2"
OVAL = "http://oval.mitre.org/XMLSchema/oval-definitions-5"
PREFIX = "xccdf_org.ssgproject.content_"


def rules(content):
    """The rules of a data stream that it can judge by itself, as (short name, element)."""
    for rule in tree.parse(content).iter(f"{{{XCCDF}}}Rule"):
        if any(check.get("system") == OVAL for check in rule.iter(f"{{{XCCDF}}}check")):
            yield rule.get("id").removeprefix(f"{PREFIX}rule_"), rule


def shared(content, benchmark):
    known = tomllib.loads(pathlib.Path(benchmark).read_text())["benchmark"]["rules"]
    print(*sorted({name for name, _ in rules(content)} & known.keys()), sep="\n")


def tailoring(content, wanted, *values):
    wanted = set(pathlib.Path(wanted).read_text().split())
    selects = [f'<t:select idref="{rule.get("id")}" selected="true"/>' for name, rule in rules(content) if name in wanted]
    groups = {group.get("id") for group in tree.parse(content).iter(f"{{{XCCDF}}}Group")}
    selects += [f'<t:select idref="{group}" selected="true"/>' for group in sorted(groups)]
    for name, value in (pair.split("=", 1) for pair in values):
        selects.append(f'<t:set-value idref="{PREFIX}value_{name}">{value}</t:set-value>')
    print('<?xml version="1.0"?>')
    print(f'<t:Tailoring xmlns:t="{XCCDF}" id="xccdf_groundfast_tailoring_shared">')
    print(f'<t:benchmark href="{content}"/><t:version time="2026-01-01T00:00:00">1</t:version>')
    print('<t:Profile id="xccdf_groundfast_profile_shared"><t:title>Shared rules</t:title>')
    print(*selects, "</t:Profile></t:Tailoring>", sep="\n")


Row = collections.namedtuple("Row", "rule root theirs ours why")


def differences(page):
    """The rows of the table; a cell of the first four is code."""
    cells = [line.strip().strip("|").split("|") for line in pathlib.Path(page).read_text().splitlines()]
    rows = [[cell.strip().strip("`") for cell in row] for row in cells if len(row) == 5]
    return [Row(*row) for row in rows if row[0] != "rule" and not set(row[0]) <= set("-:")]


def theirs(path):
    found = re.findall(rf"^{PREFIX}rule_(\S+):(\w+)$", path.read_text(), re.MULTILINE)
    return dict(found)


def ours(path):
    return {one["control"]: one for one in json.loads(path.read_text())["findings"]}


def judge(wanted, page, folder):
    wanted = pathlib.Path(wanted).read_text().split()
    rows, used, agreed, unexplained = differences(page), set(), 0, []
    for path in sorted(pathlib.Path(folder).glob("*.theirs")):
        root, their, our = path.stem, theirs(path), ours(path.with_suffix(".ours"))
        same = collections.Counter()
        for rule in wanted:
            # A rule that one of them did not report has the verdict `missing`: a difference like any other.
            left, finding = their.get(rule, "missing"), our.get(rule, {})
            right = finding.get("verdict", "missing")
            if left == right:
                agreed += 1
                same[right] += 1
                print(f"{root:9} {rule:58} both {right}")
                continue
            fits = [
                row
                for row in rows
                if (row.theirs, row.ours) == (left, right)
                and fnmatch.fnmatchcase(rule, row.rule)
                and fnmatch.fnmatchcase(root, row.root)
            ]
            used.update(fits[:1])
            why = fits[0].why if fits else f"UNEXPLAINED; seen here: {finding.get('actual')}"
            print(f"{root:9} {rule:58} {left} there, {right} here: {why}")
            if not fits:
                unexplained.append((root, rule))
        told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(same.items()))
        print(f"oscap-agreement: {root}: {sum(same.values())} of {len(wanted)} rules alike ({told})")
    stale = [row for row in rows if row not in used]
    for row in stale:
        print(f"agreement: {page}: no such difference was found: {row.rule} on {row.root}", file=sys.stderr)
    for root, rule in unexplained:
        print(f"agreement: {page}: add a row for {rule} on {root}, or mend the rule", file=sys.stderr)
    sys.exit(1 if stale or unexplained else 0)


if __name__ == "__main__":
    verbs = {"shared": shared, "tailoring": tailoring, "judge": judge}
    if len(sys.argv) < 4 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    verbs[sys.argv[1]](*sys.argv[2:])
