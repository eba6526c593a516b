"""The policy: which model paints a job, from which recipe, and what follows from what was seen.

Hides every choice between a request and a recipe. Pure: never looks at a clock, a store or the network.
"""

from shared.policy.desk import Plan, spell_out
from shared.policy.ladder import Exhausted
from shared.policy.lineup import Lineup, Pick, picks
from shared.policy.planning import candidate_seed, check_more_drafts, follows_at_once, plan, rehearse, repair
from shared.policy.policies import POLICY_FOLDER, Policies, lock_policy
from shared.policy.repair import best_attempt, repair_seed
from shared.policy.rulebook import Policy

__all__ = [
    "POLICY_FOLDER",
    "Exhausted",
    "Lineup",
    "Pick",
    "Plan",
    "Policies",
    "Policy",
    "best_attempt",
    "candidate_seed",
    "check_more_drafts",
    "follows_at_once",
    "lock_policy",
    "picks",
    "plan",
    "rehearse",
    "repair",
    "repair_seed",
    "spell_out",
]
