"""Times decisions of cedarpy on policies that ask what Selat's synthetic rules ask.

usage: cedar_loop.py RULES ROUNDS

Cedar permits if a permit applies and no forbid does; it knows no missing facts, no obligations and
no citations, so it does less for each decision. Policies and entities are parsed once, outside the
measured calls.
"""
import json
import random
import sys
import time

import cedarpy

COUNTRIES = ["BN", "ID", "KH", "LA", "MM", "MY", "PH", "SG", "TH", "VN"]


def rule(index, chance):
    """One of twenty forbids; the conditions are those of the Swift benchmark."""
    effect = "forbid" if index % 20 == 0 else "permit"
    destination, purpose = chance.choice(COUNTRIES), chance.randrange(40)
    when = [
        f'context.destination == "{destination}" && context.subjects > {4000 + chance.randrange(5000)}',
        f'context.destination == "{destination}" && ["Purpose{purpose}"].containsAll(context.purpose)',
        f'context.personal && ["Category{chance.randrange(60)}"].containsAll(context.categories)',
        f'["Purpose{purpose}"].containsAll(context.purpose) && context.level <= 1',
    ][index % 4]
    return f"{effect}(principal, action, resource) when {{ {when} }};"


def request(chance):
    return {
        "principal": 'Node::"SG"', "action": 'Action::"export"', "resource": 'Dataset::"one"',
        "context": {
            "destination": chance.choice(COUNTRIES), "personal": True, "subjects": 1200,
            "purpose": [f"Purpose{chance.randrange(40)}"], "level": 0,
            "categories": [f"Category{chance.randrange(60)}" for _ in range(2)],
        },
    }


def main():
    rules, rounds = int(sys.argv[1]), int(sys.argv[2])
    chance = random.Random(11)
    policies = "\n".join(rule(index, chance) for index in range(rules))
    policies += "\npermit(principal, action, resource);"
    requests = [request(chance) for _ in range(50)]
    # What can be prepared once is prepared once, as a program that cares would.
    held = cedarpy.PolicySet.from_str(policies)
    nobody = cedarpy.Entities.from_json_str("[]")
    took = []
    for _ in range(rounds):
        for question in requests:
            start = time.perf_counter_ns()
            cedarpy.is_authorized(question, held, nobody)
            took.append(time.perf_counter_ns() - start)
    took.sort()
    print(f"cedarpy-{rules} n={len(took)} median_us={took[len(took) // 2] / 1000:.1f}"
          f" p99_us={took[len(took) * 99 // 100] / 1000:.1f}")


main()
