"""The titles under which help lists nouns and verbs."""

from infra.cli.grammar import Group

DEALS = Group("Leads, deals and what they refer to", 0)
ANSWERS = Group("Figures and histories", 1)
WAYS = Group("Ways in and out", 2)
LOG = Group("The installation: its log, tables, keys and settings", 3)
